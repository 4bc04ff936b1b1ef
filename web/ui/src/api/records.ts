/** What the server keeps beside calls: customers, callbacks, messages, codes, explanations of routing (shapes of web/README.md). */

export interface Customer {
  id: string;
  name: string;
  numbers: string[];
  class: string;
  /** 0..100. */
  importance: number;
  dedicated_agent: string | null;
  vip: boolean;
  language: string;
  note: string;
  fields: Record<string, string | number | boolean | null>;
  created: string;
  updated: string;
  /** The numbers are hidden from this person's role. */
  masked: boolean;
}

export type CustomerDraft = Partial<Omit<Customer, "id" | "created" | "updated" | "masked">> & { name: string };

/** A field that this centre added to its customers. */
export interface CustomerField {
  name: string;
  title?: string;
  title_en?: string;
  type?: "text" | "number" | "date" | "choice" | "flag";
  required?: boolean;
  choices?: string[];
}

export interface CustomerEvent {
  id: string;
  at: string;
  kind?: string;
  direction?: string;
  queue?: string | null;
  agent?: string | null;
  result?: string | null;
  disposition?: string | null;
  note?: string | null;
}

export interface ImportResult {
  created?: number;
  updated?: number;
  skipped?: number;
  errors?: (string | { line?: number; reason?: string })[];
}

export const CALLBACK_STATES = ["waiting", "dialling", "scheduled", "done", "failed", "cancelled"] as const;
export type CallbackState = (typeof CALLBACK_STATES)[number];

export interface Callback {
  id: string;
  queue: string;
  number: string;
  customer: string | { id?: string; name?: string } | null;
  state: CallbackState;
  created: string;
  scheduled: string | null;
  entered: string | null;
  attempts: { at: string; result: string; agent: string | null }[];
  source: "queue" | "voicemail" | "agent" | "page";
  agent: string | null;
  note: string;
}

export interface CallbackDraft {
  queue: string;
  number: string;
  at?: string;
  customer?: string;
  note?: string;
}

export const VOICEMAIL_STATES = ["new", "heard", "in_work", "done"] as const;
export type VoicemailState = (typeof VOICEMAIL_STATES)[number];

export interface Voicemail {
  id: string;
  mailbox: string;
  state: VoicemailState;
  caller: string;
  caller_name?: string;
  customer?: { id: string; name: string } | null;
  queue?: string | null;
  call?: string | null;
  /** When it was left. */
  at: string;
  duration_ms: number;
  due?: string | null;
  assignee?: string | null;
  note?: string;
}

/** Why an agent is not ready. */
export interface Reason {
  code: string;
  title?: string;
  title_en?: string;
  productive?: boolean;
  max_seconds?: number;
  then_ready?: boolean;
  approval?: boolean;
}

/** What came of a contact; a tree of up to three levels by `parent`. */
export interface Disposition {
  code: string;
  title?: string;
  title_en?: string;
  parent?: string;
  note_required?: boolean;
}

export interface RoutingDecision {
  at: string;
  chosen: string;
  rule: string;
  strategy: string;
  stage: number;
  priority: number;
  candidates: { agent: string; key: number | null }[];
  excluded: { agent: string; why: string }[];
  offer: string | null;
  result: string | null;
  ring_ms: number | null;
}

export interface RoutingVisit {
  visit: string;
  queue: string;
  entered: string;
  left: string | null;
  result: string | null;
  wait_ms: number;
  stages: { at: string; stage: number }[];
  decisions: RoutingDecision[];
  text: { zh: string; en: string }[];
}

/** Why a call waited, and why it was this agent. */
export interface Routing {
  call: string;
  visits: RoutingVisit[];
}
