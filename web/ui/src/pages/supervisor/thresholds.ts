/** From which value on a figure of the board turns amber, then red. Colour never stands alone: the figure does too. */

import { elapsedMs } from "@/composables/clock";
import type { Agent, AgentState, Queue } from "@/api/types";

export type Tone = "" | "amber" | "red";

const MINUTE_MS = 60_000;
export const WAIT_MS: [number, number] = [30_000, 90_000];
export const EWT_MS: [number, number] = [60_000, 180_000];
export const OCCUPANCY: [number, number] = [0.85, 0.95];
/** A service level this far below its goal is red. */
const FAR_BELOW = 0.1;
export const DEFAULT_GOAL = 0.8;

/** How long an agent may be in a state. */
const STATE_MS: Partial<Record<AgentState, [number, number]>> = {
  talking: [10 * MINUTE_MS, 20 * MINUTE_MS],
  holding: [MINUTE_MS, 3 * MINUTE_MS],
  wrap_up: [2 * MINUTE_MS, 5 * MINUTE_MS],
  not_ready: [15 * MINUTE_MS, 45 * MINUTE_MS],
  not_responding: [0, MINUTE_MS],
};

export function above(value: number | null | undefined, [amber, red]: readonly [number, number]): Tone {
  if (value === null || value === undefined) return "";
  if (value >= red) return "red";
  return value >= amber ? "amber" : "";
}

export function level(value: number | null, goal: number): Tone {
  if (value === null || value >= goal) return "";
  return value < goal - FAR_BELOW ? "red" : "amber";
}

export const stateTone = (agent: Agent, now: number): Tone => {
  const limits = STATE_MS[agent.state];
  return limits ? above(elapsedMs(agent.since, now), limits) : "";
};

/** Ticks from the calls themselves; the server's figure is of the moment it was sent. */
export function longestMs(queue: Queue, now: number): number {
  if (queue.calls.length === 0) return queue.waiting > 0 ? queue.longest_wait_ms : 0;
  return Math.max(...queue.calls.map((call) => elapsedMs(call.since, now)));
}

export const waitTone = (queue: Queue, now: number): Tone => above(longestMs(queue, now), WAIT_MS);
export const goalOf = (queue: Queue): number => queue.goal ?? DEFAULT_GOAL;
export const levelOf = (queue: Queue): number | null => queue.figures?.service_level ?? queue.service_level;

export interface Totals {
  waiting: number;
  longestMs: number;
  offered: number;
  answered: number;
  abandoned: number;
  /** Weighted by offered calls; null without any. */
  serviceLevel: number | null;
}

export function totals(queues: readonly Queue[], now: number): Totals {
  const sum = { waiting: 0, longestMs: 0, offered: 0, answered: 0, abandoned: 0, serviceLevel: null as number | null };
  let weighed = 0;
  let inTime = 0;
  for (const queue of queues) {
    const { offered, answered, abandoned } = queue.figures ?? queue;
    sum.waiting += queue.waiting;
    sum.longestMs = Math.max(sum.longestMs, longestMs(queue, now));
    sum.offered += offered;
    sum.answered += answered;
    sum.abandoned += abandoned;
    const share = levelOf(queue);
    if (share !== null) {
      weighed += offered;
      inTime += share * offered;
    }
  }
  sum.serviceLevel = weighed > 0 ? inTime / weighed : null;
  return sum;
}
