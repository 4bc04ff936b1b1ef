/** A list that the server gives page by page: what a page or a table shows, and how it goes on. */

import { onMounted, onUnmounted, shallowReactive } from "vue";

export interface Batch<T> {
  items: T[];
  /** Where the next one begins; nothing at the end. */
  next?: string | number | null;
}

/** What `ListFrame` shows. */
export interface Listed<T = unknown> {
  items: T[];
  loading: boolean;
  error: unknown;
  next: string | number | null;
  /** Asks (again) from the start. The last question counts, whichever answer comes first; old rows stay until then. */
  load: () => Promise<void>;
  /** Adds the next batch. */
  more: () => Promise<void>;
  /** Forgets the rows: they answered another question. */
  clear: () => void;
}

export function useList<T>(ask: (cursor: string) => Promise<Batch<T>>): Listed<T> {
  let turn = 0;

  async function fetch(cursor: string, kept: T[]): Promise<void> {
    const mine = ++turn;
    list.loading = true;
    try {
      const { items, next = null } = await ask(cursor);
      if (mine !== turn) return;
      list.items = [...kept, ...items];
      list.next = next;
      list.error = null;
    } catch (problem) {
      if (mine === turn) list.error = problem;
    } finally {
      if (mine === turn) list.loading = false;
    }
  }

  const list: Listed<T> = shallowReactive<Listed<T>>({
    items: [],
    loading: true,
    error: null,
    next: null,
    load: () => fetch("", []),
    more: () => fetch(String(list.next ?? ""), list.items),
    clear: () => {
      list.items = [];
      list.next = null;
    },
  });
  return list;
}

/** One that is asked again every `everyMs` while the tab is visible and `wanted`. Rows that "more" added are not taken away again. */
export function usePolledList<T>(ask: (cursor: string) => Promise<Batch<T>>, everyMs: number, wanted: () => boolean = () => true): Listed<T> {
  let longer = false;
  const list = useList(async (cursor) => {
    const batch = await ask(cursor);
    longer = cursor !== "";
    return batch;
  });
  let timer: ReturnType<typeof setInterval> | undefined;
  onMounted(() => {
    timer = setInterval(() => {
      if (!document.hidden && wanted() && !longer && !list.loading) void list.load();
    }, everyMs);
  });
  onUnmounted(() => clearInterval(timer));
  return list;
}
