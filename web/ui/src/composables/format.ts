/** How durations, times, sizes and shares are written; digits only, so the same in both languages. */

const two = (value: number): string => String(value).padStart(2, "0");

/** `0:07`, `12:34`, `1:02:03`. Whole seconds, rounded down, as a clock shows them. */
export function duration(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const hours = Math.floor(seconds / 3600);
  const minutes = Math.floor((seconds % 3600) / 60);
  return hours > 0 ? `${hours}:${two(minutes)}:${two(seconds % 60)}` : `${minutes}:${two(seconds % 60)}`;
}

/** Local `14:05:09`. */
export function clockTime(time: string | null): string {
  if (!time) return "–";
  const date = new Date(time);
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

/** Local `2026-03-04 14:05:09`. */
export function dateTime(time: string | null): string {
  if (!time) return "–";
  const date = new Date(time);
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ${clockTime(time)}`;
}

/** `14:05` today, `03-04 14:05` before. */
export function shortTime(time: string | null, now: number): string {
  if (!time) return "–";
  const date = new Date(time);
  const minute = `${two(date.getHours())}:${two(date.getMinutes())}`;
  const today = date.toDateString() === new Date(now).toDateString();
  return today ? minute : `${two(date.getMonth() + 1)}-${two(date.getDate())} ${minute}`;
}

export function bytes(count: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let value = count;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit] ?? ""}`;
}

export const share = (value: number | null): string => (value === null ? "–" : `${Math.round(value * 100)} %`);
