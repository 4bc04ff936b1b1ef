/** Narrowing the list of agents. */

import type { Agent } from "@/api/types";

export interface AgentFilter {
  /** Part of the name or login. */
  text: string;
  team: string;
  state: string;
  queue: string;
}

/** States that a leader thinks of as one. */
const GROUPS: Record<string, readonly string[]> = {
  busy: ["reserved", "ringing", "dialling", "talking", "holding", "consulting", "conference", "preview"],
  away: ["not_ready", "not_responding", "offline"],
  present: [],
};
export const STATE_GROUPS = ["present", "ready", "busy", "wrap_up", "away", "logged_out"] as const;

function inState(agent: Agent, wanted: string): boolean {
  if (!wanted) return true;
  if (wanted === "present") return agent.state !== "logged_out";
  return (GROUPS[wanted] ?? [wanted]).includes(agent.state);
}

export function narrowed(agents: readonly Agent[], { text, team, state, queue }: AgentFilter): Agent[] {
  const wanted = text.trim().toLowerCase();
  return agents.filter(
    (agent) =>
      (!wanted || agent.name.toLowerCase().includes(wanted) || agent.login.toLowerCase().includes(wanted)) &&
      (!team || agent.team === team) &&
      (!queue || agent.queues.includes(queue)) &&
      inState(agent, state),
  );
}
