/** What an agent does with a live call beyond answering, holding and hanging up (call-centre.md §2.2, glossary of the product). */

import type { Requests } from "@/api/types";

interface Asks {
  request: <T extends keyof Requests>(type: T, body: Requests[T]["ask"]) => Promise<Requests[T]["ok"]>;
}

type Attempt = (name: string, action: () => Promise<unknown>) => Promise<boolean>;

export interface CallCommands {
  consult: (to: string) => Promise<boolean>;
  /** The consulted party gets the customer; the agent goes to wrap-up. */
  consultComplete: () => Promise<boolean>;
  consultMerge: () => Promise<boolean>;
  /** Back to the customer; the consulted party is released. */
  consultCancel: () => Promise<boolean>;
  /** `note` travels with the call. */
  transfer: (to: string, note: string) => Promise<boolean>;
  invite: (to: string) => Promise<boolean>;
  remove: (participant: string) => Promise<boolean>;
  muteMember: (participant: string, muted: boolean) => Promise<boolean>;
  /** The slot where the caller waits, "" when it was refused. */
  park: () => Promise<string>;
  record: (action: Requests["call.record"]["ask"]["action"]) => Promise<boolean>;
  askHelp: () => Promise<boolean>;
}

/** `attempt` runs one request at a time and shows its failure. */
export function callCommands(link: Asks, attempt: Attempt): CallCommands {
  async function park(): Promise<string> {
    let slot = "";
    await attempt("park", async () => {
      slot = (await link.request("call.park", {}))?.slot ?? "";
    });
    return slot;
  }

  return {
    consult: (to) => attempt("consult", () => link.request("call.consult", { to })),
    consultComplete: () => attempt("complete", () => link.request("consult.complete", {})),
    consultMerge: () => attempt("merge", () => link.request("consult.merge", {})),
    consultCancel: () => attempt("cancel", () => link.request("consult.cancel", {})),
    transfer: (to, note) => attempt("transfer", () => link.request("call.transfer", { to, ...(note ? { data: { note } } : {}) })),
    invite: (to) => attempt("invite", () => link.request("call.invite", { to })),
    remove: (participant) => attempt("remove", () => link.request("call.remove", { participant })),
    muteMember: (participant, muted) =>
      attempt("mute", () => link.request("call.mute_member", { participant, on: muted })),
    park,
    record: (action) => attempt("record", () => link.request("call.record", { action })),
    askHelp: () => attempt("help", () => link.request("help.ask", {})),
  };
}
