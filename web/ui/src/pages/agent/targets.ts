/** Whom a call can be sent to: colleagues with their state, queues, flows, mailboxes, extensions, any number. */

import { centre } from "@/api/centre";
import type { DeskTarget } from "@/api/records";
import { ApiError } from "@/api/rest";
import type { AgentState } from "@/api/types";

const NOT_FOR_ME: readonly number[] = [403, 404];

export const TARGET_KINDS = ["agent", "queue", "flow", "voicemail", "group", "extension", "outside"] as const;
export type TargetKind = (typeof TARGET_KINDS)[number];

export interface Target {
  kind: TargetKind;
  /** The destination as the server reads it. */
  to: string;
  name: string;
  /** Number, login or name beside the title. */
  detail: string;
  state?: AgentState;
  since?: string;
  /** Of a queue. */
  waiting?: number;
  ready?: number;
}

/** Whoever can take the call now stands first. */
const PRESENCE: Partial<Record<AgentState, number>> = { ready: 0, wrap_up: 1, talking: 2, holding: 2, conference: 2, not_ready: 3, logged_out: 9 };
const presence = (target: Target): number => (target.state ? (PRESENCE[target.state] ?? 4) : 0);

const isKind = (kind: string): kind is TargetKind => (TARGET_KINDS as readonly string[]).includes(kind);

function ofServer(one: DeskTarget): Target[] {
  if (!isKind(one.kind)) return [];
  return [
    {
      kind: one.kind,
      to: one.to,
      name: one.name,
      detail: one.detail,
      ...(one.state ? { state: one.state as AgentState } : {}),
      ...(one.since ? { since: one.since } : {}),
      ...(typeof one.waiting === "number" ? { waiting: one.waiting, ready: one.ready ?? 0 } : {}),
    },
  ];
}

/** Everybody but `self`. Without the right, or at an older server, there is only the number that is typed. */
export async function loadTargets(self: string): Promise<Target[]> {
  try {
    return (await centre.targets()).flatMap(ofServer).filter(({ to }) => to !== `agent:${self}`);
  } catch (error) {
    if (error instanceof ApiError && NOT_FOR_ME.includes(error.status)) return [];
    throw error;
  }
}

/** Digits with the usual ornaments; at least two of them. */
export function asNumber(text: string): string {
  const bare = text.replace(/[\s()-]/g, "");
  return /^[+*#]?[\d*#]{2,}$/.test(bare) ? bare : "";
}

const ORDER = new Map(TARGET_KINDS.map((kind, index) => [kind, index]));

/** Those of a kind ("" = all) that contain the typed text; the typed number itself comes first. */
export function matching(targets: readonly Target[], text: string, kind: TargetKind | ""): Target[] {
  const wanted = text.trim().toLowerCase();
  const found = targets
    .filter((target) => !kind || target.kind === kind)
    .filter(({ name, detail }) => !wanted || name.toLowerCase().includes(wanted) || detail.toLowerCase().includes(wanted))
    .sort(
      (one, other) =>
        (ORDER.get(one.kind) ?? 0) - (ORDER.get(other.kind) ?? 0) ||
        presence(one) - presence(other) ||
        one.name.localeCompare(other.name),
    );
  const number = asNumber(text);
  if (!number || (kind && kind !== "outside")) return found;
  // A bare number: the switch reads it as dialled, so an extension or a feature code works too.
  return [{ kind: "outside", to: number, name: number, detail: "" }, ...found];
}
