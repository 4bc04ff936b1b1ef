/** The choices of configuration keys in the words that the rest of the product uses for them. */

import { useI18n } from "vue-i18n";

/** By name of the key: where the product has the words already. */
const ELSEWHERE: Record<string, string> = {
  strategy: "routing.strategy",
  second: "routing.strategy",
  role: "role",
  direction: "direction",
  level: "admin.level",
  every: "reports.every",
  then: "state",
  wrap_up_then: "state",
};

/** A word of the file in words of the page: one of the product, else one of the configuration, else as it is written. */
export function useChoiceWords(): (key: string, choice: string) => string {
  const { t, te } = useI18n();
  return (key, choice) => {
    if (!choice) return t("config.none");
    const known = [`${ELSEWHERE[key] ?? ""}.${choice}`, `config.choice.${choice}`].find((one) => te(one));
    return known ? t(known) : choice;
  };
}
