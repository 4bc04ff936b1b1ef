/** Black, white and VIP lists, days of calendars, deliveries of webhooks, over REST (web/README.md). */

import { json, query } from "./rest";

export const LIST_KINDS = ["black", "white", "vip"] as const;
export type ListKind = (typeof LIST_KINDS)[number];
export const LIST_ACTIONS = ["reject", "busy", "announcement", "ivr", "lowest"] as const;

export interface Entry {
  id: string;
  kind: ListKind;
  pattern: string;
  direction: "in" | "out" | "both";
  action: string;
  announcement: string;
  importance: number;
  queue: string;
  expires: string | null;
  reason: string;
  proposer: string;
  approver: string;
  approved: boolean;
  hits: number;
  created: string;
}

export type EntryDraft = Partial<Pick<Entry, "kind" | "pattern" | "direction" | "action" | "announcement" | "importance" | "queue" | "expires" | "reason" | "approved">>;

export const DAY_KINDS = ["holiday", "workday", "special"] as const;

export interface Day {
  date: string;
  kind: (typeof DAY_KINDS)[number];
  open: string[];
  title: string;
  /** Came with the product: the official working-day calendar. */
  shipped: boolean;
}

export interface CalendarState {
  open: boolean;
  until: string | null;
  why: string;
  title: string;
}

export interface Hook {
  name: string;
  waiting: number;
  failing_since: string | null;
  last_ok: string | null;
  last_error: string;
}

export interface Delivery {
  id: string;
  type: string;
  call: string | null;
  state: "waiting" | "done" | "failed";
  attempts: number;
  created: string;
  next_attempt: string | null;
  finished: string | null;
  /** Of the last answer, 0 for none. */
  status: number;
  error: string;
  body: string;
}

const calendar = (name: string, rest: string): string => `/calendars/${encodeURIComponent(name)}${rest}`;
const hook = (name: string, rest: string): string => `/webhooks/${encodeURIComponent(name)}${rest}`;

export const rules = {
  entries: async (kind: ListKind) => (await json<{ items: Entry[] }>("GET", `/lists${query({ kind })}`)).items,
  addEntry: (draft: EntryDraft) => json<Entry>("POST", "/lists", draft),
  changeEntry: (id: string, values: EntryDraft) => json<Entry>("PUT", `/lists/${encodeURIComponent(id)}`, values),
  removeEntry: (id: string) => json<undefined>("DELETE", `/lists/${encodeURIComponent(id)}`),

  days: async (name: string, year: number) => (await json<{ items: Day[] }>("GET", calendar(name, `/days?year=${year}`))).items,
  putDay: (name: string, { date, kind, open, title }: Day) => json<Day>("PUT", calendar(name, `/days/${date}`), { kind, open, title }),
  removeDay: (name: string, date: string) => json<undefined>("DELETE", calendar(name, `/days/${date}`)),
  calendarState: (name: string) => json<CalendarState>("GET", calendar(name, "/state")),

  hook: async (name: string) => (await json<{ items: Hook[] }>("GET", "/webhooks")).items.find((one) => one.name === name) ?? null,
  deliveries: (name: string, state: string, cursor = "") =>
    json<{ items: Delivery[]; next: string | null }>("GET", hook(name, `/deliveries${query({ state, cursor })}`)),
  retry: (name: string, id: string) => json<Delivery>("POST", hook(name, `/deliveries/${encodeURIComponent(id)}/retry`)),
  testHook: (name: string) => json<{ ok: boolean; status: number; error: string; ms: number }>("POST", hook(name, "/test")),
};
