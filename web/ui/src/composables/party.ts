/** How the other party of a call is named on screen. */

import { useI18n } from "vue-i18n";

/** What the switch writes as the number of somebody who called from a web page. */
const WEB = "web";

/** A widget calls a destination, not a number. */
const DESTINATION = /^(flow|queue|extension|conference|group|page|voicemail|callback|park):(.+)$/;

interface Caller {
  caller: string;
  caller_name: string;
  customer?: { name: string } | null;
}

export interface PartyNames {
  /** The customer's name, else what the caller is called, else the number, else "web visitor". */
  nameOf: (call: Caller) => string;
  /** The number beside a name; "" when it would only repeat it or say nothing. */
  numberOf: (call: Caller) => string;
  /** The called number, or the destination in words. */
  calledOf: (called: string) => string;
}

export function useParty(): PartyNames {
  const { t } = useI18n();
  return {
    nameOf: ({ caller, caller_name: name, customer }) =>
      customer?.name || name || (caller === WEB ? t("common.webVisitor") : caller) || t("common.unknown"),
    numberOf: ({ caller, caller_name: own, customer }) => {
      const name = customer?.name || own;
      if (!name || name === caller) return "";
      return caller === WEB ? t("common.webVisitor") : caller;
    },
    calledOf: (called) => {
      const [, kind, name] = DESTINATION.exec(called) ?? [];
      return kind ? t(`destination.${kind}`, { name }) : called;
    },
  };
}
