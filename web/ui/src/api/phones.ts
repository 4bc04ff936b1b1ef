/** What people have set for their extension, wake-up calls, and calls that were reported (web/README.md). */

import { json } from "./rest";

export interface ForwardRule {
  to: string;
  callers: string[];
  calendar: string;
  closed: boolean;
}

/** A forward is a number or a written destination, "" for none. */
export interface Services {
  forward_always: string;
  forward_busy: string;
  forward_no_answer: string;
  forward_unreachable: string;
  no_answer_after: number;
  forward_rules: ForwardRule[];
  rules_on: boolean;
  dnd: boolean;
  call_waiting: boolean;
  max_calls: number;
  reject_anonymous: boolean;
  hotline: string;
  short: Record<string, string>;
}

export interface ServicesOf extends Services {
  extension: string;
  /** Outside calls need a PIN; only the phone itself sets and lifts it. */
  locked: boolean;
}

/** What may be changed of it. */
export const servicesOf = (found: ServicesOf): Services =>
  Object.fromEntries(Object.entries(found).filter(([name]) => name !== "extension" && name !== "locked")) as unknown as Services;

/** `wanted` is HHMM, `days` weekdays ("0" is Monday), "" for once. Without one `wanted` is "" and `at` null. */
export interface WakeUp {
  extension: string;
  wanted: string;
  days: string;
  at: string | null;
  tries: number;
}

/** A call that was reported as malicious, with the number even where it was withheld. */
export interface ReportedCall {
  call: string;
  extension: string;
  at: string;
  number: string;
  withheld: boolean;
  shown_name: string;
  called: string;
  trunk: string;
  sip_call_id: string;
  session_id: string;
  began_at: string | null;
  recordings: string[];
}

const place = (extension: string, what: string): string => `/extensions/${encodeURIComponent(extension)}/${what}`;

export const phones = {
  services: (extension: string) => json<ServicesOf>("GET", place(extension, "services")),
  change: (extension: string, values: Partial<Services>) => json<ServicesOf>("PATCH", place(extension, "services"), values),
  wakeUp: (extension: string) => json<WakeUp>("GET", place(extension, "wake-up")),
  setWakeUp: (extension: string, wanted: string, days: string) => json<WakeUp>("PUT", place(extension, "wake-up"), { wanted, days }),
  clearWakeUp: (extension: string) => json<undefined>("DELETE", place(extension, "wake-up")),
  wakeUps: async () => (await json<{ items: WakeUp[] }>("GET", "/wake-ups")).items,
  reported: async () => (await json<{ items: ReportedCall[] }>("GET", "/malicious-calls")).items,
};
