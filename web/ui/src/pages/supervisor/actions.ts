/** What a supervisor does to a call or an agent, with questions asked and failures told. */

import { ElMessage, ElMessageBox } from "element-plus";
import { useI18n } from "vue-i18n";

import type { Agent, Call, MonitorMode } from "@/api/types";
import { useParty } from "@/composables/party";
import { useProblems } from "@/composables/problems";
import { useBoard } from "@/stores/board";

export interface MonitorActions {
  set: (call: string, mode: MonitorMode) => Promise<void>;
  hangUp: (call: Call) => Promise<void>;
  force: (agent: Agent, state: string, reason: string) => Promise<void>;
}

export function useMonitorActions(): MonitorActions {
  const { t } = useI18n();
  const { explain } = useProblems();
  const { nameOf } = useParty();
  const board = useBoard();

  async function told(action: () => Promise<unknown>): Promise<void> {
    try {
      await action();
    } catch (error) {
      ElMessage({ type: "error", message: explain(error), duration: 6000, showClose: true });
    }
  }

  /** Resolves to false when the person thought better of it. */
  async function sure(call: Call): Promise<boolean> {
    try {
      await ElMessageBox.confirm(
        t("supervisor.hangUpAsk", { caller: nameOf(call) }),
        t("supervisor.hangUpTitle"),
        {
          confirmButtonText: t("supervisor.hangUp"),
          cancelButtonText: t("common.cancel"),
          confirmButtonClass: "el-button--danger confirm-hangup",
          type: "warning",
        },
      );
      return true;
    } catch (choice) {
      if (choice === "cancel" || choice === "close") return false;
      throw choice;
    }
  }

  return {
    set: (call, mode) => told(() => board.monitor(call, mode)),
    force: (agent, state, reason) => told(() => board.forceState(agent.login, state, reason)),
    hangUp: async (call) => {
      if (await sure(call)) await told(() => board.hangUp(call.id));
    },
  };
}
