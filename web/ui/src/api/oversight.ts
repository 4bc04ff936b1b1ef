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

export const oversight = {
  alarms: (state: "active" | "all", level: string, cursor = "") =>
    json<{ items: AlarmItem[]; next: string | null }>("GET", `/alarms${query({ state, level, cursor })}`),
  acknowledge: (id: string, note: string) => json<AlarmItem>("POST", `/alarms/${encodeURIComponent(id)}/ack`, { note }),
  audit: (wanted: AuditQuery) => json<{ items: AuditItem[]; next: number | null }>("GET", `/audit${query(wanted)}`),
  verify: () => json<AuditVerdict>("GET", "/audit/verify"),
};
