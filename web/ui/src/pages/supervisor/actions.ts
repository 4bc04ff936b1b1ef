/** What a supervisor does to a call or an agent: failures are told, success is quiet. */

import { ElMessage } from "element-plus";

import { centre } from "@/api/centre";
import { rest } from "@/api/rest";
import type { Agent, Call, MonitorMode } from "@/api/types";
import { useProblems } from "@/composables/problems";
import { useBoard } from "@/stores/board";

/** What a dialog of the board is about. */
export type Ask =
  | { kind: "release"; call: Call }
  | { kind: "message"; to: string }
  | { kind: "emergency"; queue: string }
  | { kind: "day"; agent: Agent }
  | { kind: "move"; queue: string; call: string };

export interface BoardActions {
  /** Runs the action and tells its failure; true when it succeeded. */
  told: (action: () => Promise<unknown>) => Promise<boolean>;
  set: (call: string, mode: MonitorMode) => Promise<boolean>;
  intercept: (call: string) => Promise<boolean>;
  force: (agent: Agent, state: string, reason: string) => Promise<boolean>;
  /** The whole call, or one leg of it. */
  release: (call: string, participant: string, reason: string) => Promise<boolean>;
  front: (queue: string, call: string) => Promise<boolean>;
  help: (login: string) => Promise<boolean>;
}

export function useBoardActions(): BoardActions {
  const { explain } = useProblems();
  const board = useBoard();

  async function told(action: () => Promise<unknown>): Promise<boolean> {
    try {
      await action();
      return true;
    } catch (error) {
      ElMessage({ type: "error", message: explain(error), duration: 6000, showClose: true });
      return false;
    }
  }

  return {
    told,
    set: (call, mode) => told(() => board.monitor(call, mode)),
    intercept: (call) => told(() => board.intercept(call)),
    force: (agent, state, reason) => told(() => board.forceState(agent.login, state, reason)),
    release: (call, participant, reason) =>
      told(() => (participant ? centre.releaseLeg(call, participant, reason) : rest.hangUp(call, reason))),
    front: (queue, call) => told(() => centre.moveWaiting(queue, call, { front: true })),
    help: (login) => told(() => board.acceptHelp(login)),
  };
}
