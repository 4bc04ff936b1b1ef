/** What the server keeps beside calls: customers, callbacks, messages, codes, explanations of routing (shapes of web/README.md). */

export interface Customer {
  id: string;
  name: string;
  numbers: string[];
  class: string;
  /** 0..100. */
  importance: number;
  /** A login, or "". */
  dedicated_agent: string;
  vip: boolean;
  language: string;
  note: string;
  fields: Record<string, string | number | boolean | null>;
  created: string;
  updated: string;
  /** The numbers are hidden from this person's role. */
  masked: boolean;
  /** Sent back with a change, so that nobody overwrites what another has just written. */
  version?: number;
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
  /** Shown with stars to roles that see numbers so. */
  masked?: boolean;
  order?: number;
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
  codes?: string[];
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
  /** The customer's id. */
  customer: string | null;
  state: CallbackState;
  created: string;
  scheduled: string | null;
  entered: string | null;
  attempts: { at: string; result: string; agent: string | null }[];
  source: "queue" | "voicemail" | "agent" | "page";
  agent: string | null;
  note: string;
  /** The call that is being made for it. */
  call?: string | null;
}

export interface CallbackDraft {
  queue: string;
  number: string;
  at?: string;
  customer?: string;
  note?: string;
  agent?: string;
}

export const VOICEMAIL_STATES = ["new", "heard", "in_work", "done"] as const;
export type VoicemailState = (typeof VOICEMAIL_STATES)[number];

export interface Voicemail {
  id: string;
  mailbox: string;
  state: VoicemailState;
  caller: string;
  caller_name: string;
  queue: string | null;
  call: string;
  /** How long the caller had waited in the queue. */
  wait_ms: number;
  /** What the flow knew of the caller. */
  data: Record<string, string>;
  created: string;
  duration_ms: number;
  due: string | null;
  overdue: boolean;
  assignee: string;
  note: string;
  /** The callback that it became. */
  callback: string | null;
}

export interface Mailbox {
  name: string;
  title: string;
  owner: string;
  new: number;
  old: number;
}

/** A call can be sent there; what the desk offers to type and choose. */
export interface DeskTarget {
  kind: string;
  to: string;
  name: string;
  detail: string;
  state?: string | null;
  since?: string | null;
  waiting?: number | null;
  ready?: number | null;
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

export interface LadderParty {
  id: string;
  role: "caller" | "switch" | "callee";
  kind: string;
  name: string;
  address: string;
  transport: string;
  leg: string | null;
}

export interface LadderMessage {
  number: number;
  at: string;
  /** Since the begin of the ladder. */
  ms: number;
  source: string;
  target: string;
  transport: string;
  first_line: string;
  method: string;
  /** 0: a request. */
  status: number;
  summary: string;
  /** The same octets once more. */
  repeat: boolean;
  sdp: { kind: string; address: string; port: number; protocol: string; codecs: string[]; direction: string }[];
  text: string;
}

export interface LadderEvent {
  at: string;
  ms: number;
  party: string;
  kind: string;
  values: Record<string, string | number>;
}

export interface LadderVerdict {
  rule: string;
  level: "fault" | "warning" | "info";
  at: string;
  party: string;
  text: { zh: string; en: string };
  advice: { zh: string; en: string };
}

/** What was said on the wire about a call, and what it means. */
export interface Ladder {
  call: string;
  kept: "kept" | "live" | "none" | "off";
  dropped: number;
  began: string | null;
  parties: LadderParty[];
  messages: LadderMessage[];
  events: LadderEvent[];
  verdicts: LadderVerdict[];
}
