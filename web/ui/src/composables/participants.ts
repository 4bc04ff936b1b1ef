/** The parties of a call in words: `agent:li` → "li", `outside:138…` → the number, the customer by name. */

import { useI18n } from "vue-i18n";

import type { Call, Participant } from "@/api/types";

import { useParty } from "./party";

export function usePartyWords(): { partyOf: (one: Pick<Participant, "party">, call: Call | null) => string } {
  const { t } = useI18n();
  const { nameOf, calledOf } = useParty();

  function partyOf({ party }: Pick<Participant, "party">, call: Call | null): string {
    if (party === "customer") {
      if (!call) return t("history.customer");
      if (call.customer?.name) return call.customer.name;
      return call.direction === "out" ? calledOf(call.called) : nameOf(call);
    }
    const name = party.slice(party.indexOf(":") + 1);
    if (party.startsWith("agent:") && call?.agent === name && call.agent_name) return call.agent_name;
    return name;
  }

  return { partyOf };
}
