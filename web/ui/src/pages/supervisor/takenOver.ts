/** What stands in the way of a supervisor's orders in a call that was taken over, read from its parties. */

import type { Call, Participant } from "@/api/types";

export interface TakenOver {
  /** Whoever is being asked, from the first ring. */
  consulted: Participant | null;
  held: boolean;
  /** More than two talk: nobody can be consulted or given the call then. */
  several: boolean;
}

export function takenOver(call: Pick<Call, "participants">): TakenOver {
  const parties = call.participants ?? [];
  const consulted = parties.find(({ role }) => role === "consulted") ?? null;
  return {
    consulted,
    held: consulted === null && parties.some(({ state }) => state === "held"),
    several: consulted === null && parties.length > 2,
  };
}
