/** Only the rows that can be seen are in the page: a list of 500 agents costs as much as one of 30. */

import { computed, onMounted, onUnmounted, ref, type ComputedRef, type Ref } from "vue";

/** Rows above and below the visible ones, so that scrolling shows no gap. */
const SPARE = 6;

export interface VirtualRows<T> {
  rows: ComputedRef<T[]>;
  /** Height in px of what is left out above and below. */
  above: ComputedRef<number>;
  below: ComputedRef<number>;
  scrolled: () => void;
}

/** Which rows show: from, to (exclusive). */
export function visible(count: number, rowPx: number, top: number, height: number): [number, number] {
  const from = Math.max(0, Math.floor(top / rowPx) - SPARE);
  const to = Math.min(count, Math.ceil((top + height) / rowPx) + SPARE);
  return [Math.min(from, Math.max(0, to - 1)), to];
}

/** `box` is the scrolling element, `rowPx` the height that every row has. */
export function useVirtualRows<T>(box: Ref<HTMLElement | null>, items: () => readonly T[], rowPx: number): VirtualRows<T> {
  const top = ref(0);
  const height = ref(0);
  let watcher: ResizeObserver | null = null;

  const scrolled = (): void => void (top.value = box.value?.scrollTop ?? 0);
  const range = computed(() => visible(items().length, rowPx, top.value, height.value));
  onMounted(() => {
    if (!box.value) return;
    const element = box.value;
    height.value = element.clientHeight;
    watcher = new ResizeObserver(() => {
      height.value = element.clientHeight;
      scrolled();
    });
    watcher.observe(element);
  });
  onUnmounted(() => watcher?.disconnect());
  return {
    rows: computed(() => items().slice(...range.value)),
    above: computed(() => range.value[0] * rowPx),
    below: computed(() => (items().length - range.value[1]) * rowPx),
    scrolled,
  };
}
