/** Codes in report cells in the words that the rest of the product uses for them. */

import { useI18n } from "vue-i18n";

import { useParty } from "@/composables/party";

/** By column: where its words are. */
const PLACES: Record<string, string> = {
  direction: "direction",
  result: "result",
  cause: "cause",
  who: "history.who",
  level: "admin.level",
  state: "state",
};

/** A cell in words; what is no code stays as it is. */
export function useCodeWords(): (column: string, value: string) => string {
  const { t, te } = useI18n();
  const { nameOf, calledOf } = useParty();
  return (column, value) => {
    if (column === "caller") return nameOf({ caller: value, caller_name: "" });
    if (column === "called") return calledOf(value);
    const key = `${PLACES[column] ?? ""}.${value}`;
    return column in PLACES && te(key) ? t(key) : value;
  };
}
