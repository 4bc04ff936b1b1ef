/** How figures of reports are written, and ranges of days in the zone of this browser. */

import type { Cell, Shown } from "@/api/reports";
import { dateTime, duration } from "@/composables/format";

const NUMBER = new Intl.NumberFormat("en-US", { maximumFractionDigits: 2 });

/** "–" stands for a ratio without a base, never 0. */
export function shown(value: Cell, kind: Shown): string {
  if (value === null || value === undefined || value === "") return "–";
  switch (kind) {
    case "ms":
      return duration(Number(value));
    case "percent":
      return `${Number(value).toFixed(2)} %`;
    case "count":
    case "number":
      return NUMBER.format(Number(value));
    case "time":
      return dateTime(String(value));
    default:
      return String(value);
  }
}

export const isFigure = (kind: Shown): boolean => kind === "ms" || kind === "percent" || kind === "count" || kind === "number";

export type RangeName = "today" | "yesterday" | "week" | "last7" | "month" | "last30";
export const RANGES: readonly RangeName[] = ["today", "yesterday", "week", "last7", "month", "last30"];

/** Local midnights, the end excluded. Weeks begin on Monday. */
export function rangeOf(name: RangeName, now: Date): [Date, Date] {
  const day = (offset: number): Date => new Date(now.getFullYear(), now.getMonth(), now.getDate() + offset);
  switch (name) {
    case "today":
      return [day(0), day(1)];
    case "yesterday":
      return [day(-1), day(0)];
    case "week":
      return [day(-((now.getDay() + 6) % 7)), day(1)];
    case "last7":
      return [day(-6), day(1)];
    case "month":
      return [new Date(now.getFullYear(), now.getMonth(), 1), day(1)];
    case "last30":
      return [day(-29), day(1)];
  }
}

/** A length of interval that gives a readable number of rows. */
export function intervalFor(from: Date, to: Date): string {
  const days = (to.getTime() - from.getTime()) / 86_400_000;
  if (days <= 1.1) return "30";
  return days <= 62 ? "day" : "month";
}
