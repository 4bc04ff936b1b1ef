/** Failures in the words of the person who sees them. */

import { useI18n } from "vue-i18n";

import { ApiError } from "@/api/rest";
import { RequestError } from "@/api/socket";
import { MicrophoneError } from "@/media/leg";

export function useProblems(): { explain: (error: unknown) => string } {
  const { t, te } = useI18n();

  function explain(error: unknown): string {
    if (error instanceof MicrophoneError) return t(`error.microphone.${error.problem}`);
    if (error instanceof ApiError || error instanceof RequestError) return explainProblem(error);
    return error instanceof Error ? error.message : String(error);
  }

  function explainProblem(error: ApiError | RequestError): string {
    if (error.status === 0) return t(error instanceof ApiError ? "error.unreachable" : "error.noAnswer");
    const { code = "", cause = "" } = error.problem;
    if (error.status === 403 && !te(`refusal.${code}`)) return t("error.forbidden");
    const said = error.problem.detail || error.problem.title;
    // Many details already name the field.
    const reasons = (error.problem.errors ?? []).map(({ field, reason }) => `${field}: ${reason}`).filter((reason) => !said.includes(reason));
    const detail = [said, ...reasons].join(" ");
    if (te(`refusal.${code}`)) return t(`refusal.${code}`, { detail, cause: te(`cause.${cause}`) ? t(`cause.${cause}`) : detail });
    return error.status >= 500 ? t("error.server", { status: error.status, detail }) : detail;
  }

  return { explain };
}
