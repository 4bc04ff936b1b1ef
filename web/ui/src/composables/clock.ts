/** One ticking clock for all relative timers, corrected by the server's own time. */

import { onScopeDispose, readonly, ref, type Ref } from "vue";

const now = ref(Date.now());
let skew = 0;
let users = 0;
let timer: ReturnType<typeof setInterval> | undefined;

/** Learns the difference to the server's clock from an HTTP `Date` header; less than 2 s is its own rounding and the network. */
export function learnServerTime(header: string | null): void {
  const server = header ? Date.parse(header) : Number.NaN;
  if (Number.isNaN(server)) return;
  const difference = server - Date.now();
  skew = Math.abs(difference) < 2000 ? 0 : difference;
}

/** The server's time in ms since epoch, as far as known. */
export const serverNow = (): number => Date.now() + skew;

function tick(): void {
  now.value = serverNow();
}

/** The server's time, updated four times a second while anybody looks. */
export function useNow(): Readonly<Ref<number>> {
  users += 1;
  if (users === 1) timer = setInterval(tick, 250);
  tick();
  onScopeDispose(() => {
    users -= 1;
    if (users === 0) clearInterval(timer);
  });
  return readonly(now);
}

/** Milliseconds from `since` (RFC 3339) to `at`, never negative; 0 when unknown. */
export function elapsedMs(since: string | null | undefined, at: number): number {
  const start = since ? Date.parse(since) : Number.NaN;
  return Number.isNaN(start) ? 0 : Math.max(0, at - start);
}
