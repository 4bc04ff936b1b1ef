/** Data that is asked for again and again while its page is looked at. */

import { onMounted, onUnmounted, ref, shallowRef, type Ref, type ShallowRef } from "vue";

export interface Polled<T> {
  data: ShallowRef<T | null>;
  /** The last failure; cleared by the next success. Old data stays. */
  error: Ref<unknown>;
  load: () => Promise<void>;
}

/** Loads at once and every `everyMs` while the tab is visible. */
export function usePolled<T>(ask: () => Promise<T>, everyMs: number): Polled<T> {
  const data = shallowRef<T | null>(null);
  const error = ref<unknown>(null);
  let timer: ReturnType<typeof setInterval> | undefined;

  async function load(): Promise<void> {
    try {
      data.value = await ask();
      error.value = null;
    } catch (failure) {
      error.value = failure;
    }
  }

  onMounted(() => {
    void load();
    timer = setInterval(() => {
      if (!document.hidden) void load();
    }, everyMs);
  });
  onUnmounted(() => clearInterval(timer));
  return { data, error, load };
}
