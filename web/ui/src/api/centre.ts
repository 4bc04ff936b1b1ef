/** The call centre by REST: customers, callbacks, messages, supervision, codes. */

import type { CallDetail, CallNote, MonitorMode, Page, ParkedCall, WaitingCall } from "./types";
import type {
  Callback,
  CallbackDraft,
  Customer,
  CustomerDraft,
  CustomerEvent,
  CustomerField,
  DeskTarget,
  Disposition,
  ImportResult,
  Ladder,
  Mailbox,
  Reason,
  Routing,
  Voicemail,
} from "./records";
import { json, query, send } from "./rest";
import { tabSession } from "./tab";

const BASE = "/api/v1";
const id = encodeURIComponent;

/** Lists come as `{items}`; a bare list is taken too. */
async function items<T>(path: string): Promise<T[]> {
  const answer = await json<Page<T> | T[]>("GET", path);
  return Array.isArray(answer) ? answer : answer.items;
}

/** The codes that a desk needs. */
export interface DeskCodes {
  reasons: Reason[];
  dispositions: Disposition[];
}

export interface SkillChange {
  skills?: Record<string, number>;
  queues?: string[];
  /** When the change ends, RFC 3339. */
  until?: string;
}

/** `to` and `data` go with those that send the customer somewhere. */
export interface CallOrder {
  command: "hold" | "resume" | "consult" | "consult_complete" | "consult_merge" | "consult_cancel" | "transfer";
  to?: string;
  data?: Record<string, string>;
}

export const voicemailUrl = (message: string): string =>
  `${BASE}/voicemail/${id(message)}/audio${query({ session: tabSession() })}`;

/** The messages of a call for Wireshark. */
export const captureFile = (call: string): string => `${BASE}/calls/${id(call)}/ladder.pcap${query({ session: tabSession() })}`;

export const customersFile = (format: string): string => `${BASE}/customers/export${query({ format, session: tabSession() })}`;

/** Sends the file as it is; its type says how to read it. */
async function importCustomers(file: File): Promise<ImportResult> {
  const sheet = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
  const type = file.name.toLowerCase().endsWith(".xlsx") ? sheet : "text/csv";
  return (await (await send("POST", "/customers/import", file, type)).json()) as ImportResult;
}

export const centre = {
  codes: () => json<DeskCodes>("GET", "/desk"),
  /** Whom this person may send a call to. */
  targets: () => items<DeskTarget>("/desk/targets"),
  /** Who waits in the own queues. */
  waiting: () => items<WaitingCall & { queue: string }>("/desk/waiting"),
  mailboxes: () => items<Mailbox>("/mailboxes"),

  ladder: (call: string) => json<Ladder>("GET", `/calls/${id(call)}/ladder`),
  routing: (call: string) => json<Routing>("GET", `/calls/${id(call)}/routing`),
  note: (call: string, text: string) => json<CallNote | undefined>("POST", `/calls/${id(call)}/notes`, { text }),
  disposition: (call: string, codes: string[], note: string) =>
    json<CallDetail | undefined>("PUT", `/calls/${id(call)}/disposition`, { codes, note }),
  callCustomer: (call: string, customer: string) => json<unknown>("PUT", `/calls/${id(call)}/customer`, { customer }),

  /** An order about a live call, given by who takes part in it or leads. */
  order: (call: string, order: CallOrder) => json<{ call: string }>("POST", `/calls/${id(call)}/commands`, order),
  releaseLeg: (call: string, participant: string, reason: string) =>
    json<undefined>("DELETE", `/calls/${id(call)}/participants/${id(participant)}`, { reason }),
  skills: (login: string, change: SkillChange) => json<unknown>("PUT", `/agents/${id(login)}/skills`, change),
  message: (to: string, text: string) => json<unknown>("POST", "/messages", { to, text }),
  /** Whispering begins at once when the agent has a call. */
  acceptHelp: (login: string, device: string) =>
    json<{ mode: MonitorMode; call: string | null }>("PUT", `/help/${id(login)}`, { state: "accepted", device }),
  emergency: (queue: string, change: { on: boolean; announcement?: string; until?: string }) =>
    json<unknown>("PUT", `/queues/${id(queue)}/emergency`, change),
  pick: (queue: string, call: string) => json<unknown>("POST", `/queues/${id(queue)}/calls/${id(call)}/pick`, {}),
  moveWaiting: (queue: string, call: string, change: { importance?: number; queue?: string; front?: boolean }) =>
    json<unknown>("PUT", `/queues/${id(queue)}/calls/${id(call)}`, change),

  /** Everybody who waits in a slot. */
  parked: () => items<ParkedCall>("/parked"),
  callbacks: (filter: { state?: string; queue?: string; number?: string; cursor?: string }) =>
    json<Page<Callback>>("GET", `/callbacks${query(filter)}`),
  addCallback: (draft: CallbackDraft) => json<Callback>("POST", "/callbacks", draft),
  changeCallback: (callback: string, change: { at?: string; agent?: string; note?: string; state?: "done" | "cancelled" }) =>
    json<Callback>("PUT", `/callbacks/${id(callback)}`, change),
  dropCallback: (callback: string) => json<undefined>("DELETE", `/callbacks/${id(callback)}`),

  voicemail: (filter: { mailbox?: string; state?: string; cursor?: string }) =>
    json<Page<Voicemail>>("GET", `/voicemail${query(filter)}`),
  changeVoicemail: (message: string, change: { state?: string; assignee?: string; note?: string }) =>
    json<Voicemail>("PUT", `/voicemail/${id(message)}`, change),
  dropVoicemail: (message: string) => json<undefined>("DELETE", `/voicemail/${id(message)}`),

  customers: (filter: { q?: string; number?: string; limit?: number; cursor?: string }) =>
    json<Page<Customer>>("GET", `/customers${query(filter)}`),
  customer: (customer: string) => json<Customer>("GET", `/customers/${id(customer)}`),
  addCustomer: (draft: CustomerDraft) => json<Customer>("POST", "/customers", draft),
  saveCustomer: (customer: string, draft: CustomerDraft) => json<Customer>("PUT", `/customers/${id(customer)}`, draft),
  dropCustomer: (customer: string) => json<undefined>("DELETE", `/customers/${id(customer)}`),
  mergeCustomer: (customer: string, other: string) => json<Customer>("POST", `/customers/${id(customer)}/merge`, { other }),
  customerHistory: (customer: string) => items<CustomerEvent>(`/customers/${id(customer)}/history`),
  customerFields: () => items<CustomerField>("/customers/fields"),
  saveCustomerFields: (fields: CustomerField[]) => json<unknown>("PUT", "/customers/fields", { items: fields }),
  importCustomers,
};
