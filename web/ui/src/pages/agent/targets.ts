/** Whom a call can be sent to: colleagues with their state, queues, flows, mailboxes, extensions, any number. */

import { centre } from "@/api/centre";
import { ApiError, rest } from "@/api/rest";
import type { Agent, AgentState, Queue } from "@/api/types";

export const TARGET_KINDS = ["agent", "queue", "flow", "voicemail", "extension", "outside"] as const;
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

/** A list that this person may not see is an empty one. */
async function mine<T>(ask: Promise<T[]>): Promise<T[]> {
  try {
    return await ask;
  } catch (error) {
    if (error instanceof ApiError) return [];
    throw error;
  }
}

const ofAgent = (agent: Agent): Target => ({
  kind: "agent",
  to: `agent:${agent.login}`,
  name: agent.name || agent.login,
  detail: agent.login,
  state: agent.state,
  since: agent.since,
});

const ofQueue = (queue: Queue): Target => ({
  kind: "queue",
  to: `queue:${queue.name}`,
  name: queue.title || queue.name,
  detail: queue.name,
  waiting: queue.waiting,
  ready: queue.ready ?? queue.agents.ready ?? 0,
});

/** Everybody but `self`. */
export async function loadTargets(self: string): Promise<Target[]> {
  const [agents, queues, flows, mailboxes, extensions] = await Promise.all([
    mine(rest.agents().then(({ items }) => items)),
    mine(rest.queues().then(({ items }) => items)),
    mine(centre.flows()),
    mine(centre.mailboxes()),
    mine(centre.extensions()),
  ]);
  return [
    ...agents.filter(({ login }) => login !== self).map(ofAgent),
    ...queues.map(ofQueue),
    ...flows.map(({ name }): Target => ({ kind: "flow", to: `flow:${name}`, name, detail: "" })),
    ...mailboxes.map(({ name, title }): Target => ({ kind: "voicemail", to: `voicemail:${name}`, name: title || name, detail: name })),
    ...extensions.map(({ number, name }): Target => ({ kind: "extension", to: `extension:${number}`, name: name || number, detail: number })),
  ];
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
