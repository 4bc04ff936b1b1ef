/** A question before something that cannot be taken back. */

import { ElMessageBox } from "element-plus";
import { useI18n } from "vue-i18n";

/** Asks; false when the person thought better of it. The button has the class `confirm-remove`. */
export function useConfirm(): { sureToRemove: (question: string, button?: string) => Promise<boolean> } {
  const { t } = useI18n();

  async function sureToRemove(question: string, button = t("common.remove")): Promise<boolean> {
    try {
      await ElMessageBox.confirm(question, button, {
        confirmButtonText: button,
        cancelButtonText: t("common.cancel"),
        confirmButtonClass: "el-button--danger confirm-remove",
        type: "warning",
      });
      return true;
    } catch (choice) {
      if (choice === "cancel" || choice === "close") return false;
      throw choice;
    }
  }

  return { sureToRemove };
}
