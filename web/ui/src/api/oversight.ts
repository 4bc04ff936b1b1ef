/** Alarms and the audit trail over REST (web/README.md). */

import type { Words } from "./config";
import { json, query } from "./rest";

export const LEVELS = ["critical", "major", "minor", "warning"] as const;
export type Level = (typeof LEVELS)[number];

/** The colour of each. */
export const LEVEL_TONES: Record<Level, string> = { critical: "red", major: "red", minor: "amber", warning: "blue" };

export interface AlarmItem {
  id: string;
  code: string;
  level: Level;
  object: string;
  text: string;
  title: Words;
  /** The probable one. */
  cause: Words;
  /** What to do. */
  guide: Words;
  since: string;
  cleared: string | null;
  count: number;
  flapping: boolean;
  acked_by: string;
  acked: string | null;
  note: string;
  escalated_to: string;
}

export interface AuditItem {
  number: number;
  at: string;
  type: string;
  actor: string;
  object: string;
  detail: Record<string, unknown>;
  hash: string;
}

export interface AuditVerdict {
  ok: boolean;
  checked: number;
  head: string;
  /** The first entry that is not as it was written. */
  number: number | null;
  why: string;
}

export interface AuditQuery {
  from: string;
  to: string;
  actor: string;
  object: string;
  cursor?: string;
}

export interface Ban {
  source: string;
  until: string;
  reason: string;
  times: number;
}

export interface Toll {
  /** extension:1001, agent:li, trunk:carrier. */
  account: string;
  calls: number;
  /** International ones of today, and how many there may be; 0: no limit. So too with the cost. */
  minutes: number;
  limit: number;
  blocked: boolean;
  cost: number;
  cost_limit: number;
  /** Countries that wait for an approval, with the number that was dialled first. */
  held: { country: string; number: string; at: string }[];
  countries: string[];
}

const tollOf = (account: string): string => `/tolls/${encodeURIComponent(account)}`;

export const oversight = {
  bans: () => json<{ items: Ban[]; never: string[] }>("GET", "/bans"),
  ban: (source: string, seconds: number, reason: string) => json<Ban>("POST", "/bans", { source, seconds, reason }),
  unban: (source: string, reason: string) => json<null>("DELETE", `/bans/${encodeURIComponent(source)}${query({ reason })}`),
  tolls: () => json<{ items: Toll[] }>("GET", "/tolls"),
  resetToll: (account: string) => json<null>("DELETE", tollOf(account)),
  approveCountry: (account: string, country: string) => json<null>("POST", `${tollOf(account)}/countries`, { country }),
  refuseCountry: (account: string, country: string) => json<null>("DELETE", `${tollOf(account)}/countries/${country}`),
  alarms: (state: "active" | "all", level: string, cursor = "") =>
    json<{ items: AlarmItem[]; next: string | null }>("GET", `/alarms${query({ state, level, cursor })}`),
  acknowledge: (id: string, note: string) => json<AlarmItem>("POST", `/alarms/${encodeURIComponent(id)}/ack`, { note }),
  audit: (wanted: AuditQuery) => json<{ items: AuditItem[]; next: number | null }>("GET", `/audit${query(wanted)}`),
  verify: () => json<AuditVerdict>("GET", "/audit/verify"),
};
