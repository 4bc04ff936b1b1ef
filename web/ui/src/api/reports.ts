/** Reports over REST (web/README.md). Times are RFC 3339, durations ms, shares per cent; null is "no value", shown as "–". */

import { json, query, send } from "./rest";

export type Shown = "text" | "time" | "count" | "ms" | "percent" | "number" | "period";
export type Cell = string | number | null | undefined;

export interface Words {
  zh: string;
  en: string;
}

export interface ReportColumn {
  id: string;
  kind: Shown;
  title: Words;
  formula: Words;
}

export interface CatalogueEntry {
  id: string;
  title: Words;
  parameters: string[];
  chart: "bars" | "lines" | "none";
  columns: ReportColumn[];
}

export interface Report {
  id: string;
  from: string;
  to: string;
  zone: string;
  columns: ReportColumn[];
  rows: (Record<string, Cell> & { drill?: unknown })[];
  totals: Record<string, Cell>;
  periods: string[];
  series: { id: string; points: (number | null)[] }[];
}

export interface Schedule {
  name: string;
  report: string;
  every: string;
  at: string;
  zone: string;
  format: string;
  mail: string[];
  next: string;
  last: string | null;
  fault: string;
}

export interface ReportQuery {
  from: string;
  to: string;
  zone: string;
  interval?: string;
  queue?: string;
  agent?: string;
  team?: string;
  trunk?: string;
  flow?: string;
  direction?: string;
  number?: string;
  result?: string;
  by_channel?: string;
  language?: string;
}

export const FORMATS = ["xlsx", "csv", "pdf"] as const;
export type FileFormat = (typeof FORMATS)[number];

const path = (id: string): string => `/reports/${encodeURIComponent(id)}`;

/** The file and the name that the server gave it. */
async function file(id: string, wanted: ReportQuery, format: FileFormat): Promise<{ blob: Blob; name: string }> {
  const response = await send("GET", path(id) + query({ ...wanted, format }));
  const named = /filename="([^"]+)"/.exec(response.headers.get("content-disposition") ?? "");
  return { blob: await response.blob(), name: named?.[1] ?? `${id}.${format}` };
}

export const reports = {
  catalogue: () => json<{ items: CatalogueEntry[] }>("GET", "/reports"),
  one: (id: string, wanted: ReportQuery) => json<Report>("GET", path(id) + query(wanted)),
  file,
  schedules: () => json<{ items: Schedule[] }>("GET", "/reports/schedules"),
  sendNow: (name: string) => json<undefined>("POST", `/reports/schedules/${encodeURIComponent(name)}/send`),
  saveSchedule: (name: string, values: Record<string, unknown>) =>
    json<unknown>("PUT", `/config/schedule/${encodeURIComponent(name)}`, values),
  removeSchedule: (name: string) => json<undefined>("DELETE", `/config/schedule/${encodeURIComponent(name)}`),
};
