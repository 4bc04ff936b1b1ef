/**
 * What the server says over REST and WebSocket, as web/README.md words it.
 *
 * Times are RFC 3339 strings in UTC, durations are milliseconds, an absent value is `null`.
 */

import type { Room } from "./rooms";

export type Role = "agent" | "team_leader" | "quality" | "auditor" | "supervisor" | "administrator" | "api";
export type Language = "zh-CN" | "en";

export interface Session {
  login: string;
  name: string;
  role: Role;
  language: string;
  csrf: string;
  /** True when this person also has an agent seat. */
  agent: boolean;
  /** Names this one of the sessions of a browser. */
  session: string;
  /** What must be set up before anything else may be done. */
  duty?: "" | "password" | "second_factor";
}

/** RFC 9457. */
export interface Problem {
  type?: string;
  title: string;
  status: number;
  detail?: string;
  /** Names the case: `refusal.CODE` says it in words. */
  code?: string;
  /** With code `unreachable`: `cause.CAUSE`. */
  cause?: string;
  instance?: string;
  errors?: { field: string; reason: string }[];
}

export interface Page<T> {
  items: T[];
  next: string | null;
}

export const AGENT_STATES = [
  "logged_out",
  "not_ready",
  "ready",
  "preview",
  "reserved",
  "ringing",
  "dialling",
  "talking",
  "holding",
  "consulting",
  "conference",
  "wrap_up",
  "not_responding",
  "offline",
] as const;
export type AgentState = (typeof AGENT_STATES)[number];

/** The reasons a person may choose where the server lists none; it knows more (`login`, `device`). */
export const NOT_READY_REASONS = ["break", "lunch", "meeting", "training"] as const;
export type NotReadyReason = (typeof NOT_READY_REASONS)[number];

export const WRAP_UP_MODES = ["none", "optional", "timed", "timed_no_exit", "until_done"] as const;
export type WrapUpMode = (typeof WRAP_UP_MODES)[number];

export interface WrapUp {
  mode: WrapUpMode;
  codes_required: boolean;
  extensions_left: number;
  /** Top codes that apply; empty or absent: all. */
  dispositions?: string[];
}

/** Figures of one agent since midnight. */
export interface Today {
  answered: number;
  missed: number;
  talk_ms: number;
  ready_ms: number;
  not_ready_ms: number;
  wrap_up_ms: number;
  /** 0..1. */
  occupancy: number | null;
}

/** Fields that older servers do not send are optional here; pages do without them. */
export interface Agent {
  login: string;
  name: string;
  state: AgentState;
  reason: string;
  since: string;
  queues: string[];
  station: string;
  call: string | null;
  /** A state that takes effect after the contact, or "". */
  pending: string;
  reachable: boolean;
  language: string;
  calls_today: number;
  /** When wrap-up ends by itself. */
  wrap_up_until?: string | null;
  wrap_up?: WrapUp | null;
  team?: string;
  site?: string;
  skills?: Record<string, number>;
  offer?: string | null;
  /** Whom the agent talks to. */
  customer_name?: string;
  direction?: string;
  help?: string;
  /** 0..1 of the last 60 minutes. */
  occupancy?: number | null;
  today?: Today;
}

export const CALL_STATES = ["ringing", "ivr", "waiting", "talking", "held", "ended"] as const;
export type CallState = (typeof CALL_STATES)[number];

export const CALL_RESULTS = ["answered", "abandoned", "busy", "no_answer", "rejected", "failed", "interrupted"] as const;
export type CallResult = (typeof CALL_RESULTS)[number];

export const MONITOR_MODES = ["listen", "listen_customer", "listen_agent", "whisper", "barge", "private", "take_over"] as const;
export type MonitorMode = "off" | (typeof MONITOR_MODES)[number];
/** Modes in which the supervisor is heard by somebody. */
export const SPEAKING_MODES: readonly MonitorMode[] = ["whisper", "barge", "private", "take_over"];

/** How long a recording stays; `expires` null: for ever. */
export interface Kept {
  id: string;
  expires: string | null;
  legal_hold: boolean;
}

export interface Recording {
  id: string;
  status: "recording" | "complete" | "degraded" | "recovered" | "failed";
  duration_ms: number;
  bytes: number;
  sha256: string;
  restricted: boolean;
}

export interface Monitor {
  supervisor: string;
  mode: MonitorMode;
}

export type ParticipantRole = "customer" | "agent" | "consulted" | "member" | "supervisor";

export interface Participant {
  id: string;
  /** `customer`, `agent:li`, `extension:1001` or `outside:…`. */
  party: string;
  role: ParticipantRole;
  state: "ringing" | "talking" | "held" | "muted";
  since: string;
}

export interface CallCustomer {
  id: string;
  name: string;
  class: string;
  importance: number;
  vip?: boolean;
}

export interface CallNote {
  text: string;
  at: string;
  author?: string;
}

export interface CallDisposition {
  /** The path in the tree, top first. */
  codes: string[];
  note: string;
  at: string;
  agent: string;
}

export interface Call {
  id: string;
  direction: "in" | "out" | "internal";
  source: string;
  state: CallState;
  caller: string;
  caller_name: string;
  called: string;
  trunk: string | null;
  queue: string | null;
  agent: string | null;
  agent_name: string | null;
  created: string;
  answered: string | null;
  connected: string | null;
  ended: string | null;
  wait_ms: number;
  ring_ms: number;
  talk_ms: number;
  hold_ms: number;
  duration_ms: number;
  result: CallResult | null;
  cause: string | null;
  cause_text: string | null;
  q850: number | null;
  sip_status: number | null;
  who: string | null;
  recording: Recording | null;
  /** A live call is being recorded right now. */
  recording_live: boolean;
  monitors: Monitor[];
  context: Record<string, string>;
  participants?: Participant[];
  variables?: Record<string, string>;
  customer?: CallCustomer | null;
  /** Codes, or codes with what was said about them. */
  dispositions?: (string | CallDisposition)[];
  notes?: (string | CallNote)[];
  recording_paused?: boolean;
  park_slot?: string | null;
}

/** An event of the call timeline; its own fields depend on `type` (softswitch/model/events.py). */
export interface TimelineEvent {
  type: string;
  at: string;
  seq?: number;
  leg?: string;
  agent?: string;
  queue?: string;
  actor?: string;
  [field: string]: unknown;
}

export interface CallDetail extends Call {
  timeline: TimelineEvent[];
  recordings: Recording[];
}

export interface Peaks {
  duration_ms: number;
  channels: number[][];
}

export interface Offer {
  id: string;
  call: string;
  queue: string | null;
  caller: string;
  caller_name: string;
  called: string;
  wait_ms: number;
  ring_timeout_ms: number;
  made: string;
  context: Record<string, string>;
  customer?: CallCustomer | null;
  number_place?: string;
  queue_title?: string;
  position?: number;
  importance?: number;
  variables?: Record<string, string>;
  /** `main/menu=1`, in the order the caller went. */
  path?: string[];
  inputs?: { name: string; value: string }[];
  pop_url?: string;
  widget_page?: string;
  repeat?: { last: string; agent: string; reason: string } | null;
  history?: PastCall[];
  auto_answer?: boolean;
}

export interface PastCall {
  id: string;
  at: string;
  queue: string | null;
  agent: string | null;
  result: string | null;
  disposition?: string | null;
}

/** Somebody who waits in a park slot. */
export interface ParkedCall {
  slot: string;
  call: string;
  caller: string;
  caller_name: string;
  /** The login or extension that has parked it. */
  by: string;
  since: string;
}

export interface WaitingCall {
  call: string;
  caller: string;
  since: string;
  position: number;
  state: "waiting" | "offering";
  importance?: number;
  priority?: number;
  stage?: number;
  needs?: Record<string, number>;
  customer_name?: string;
  vip?: boolean;
  predicted_ms?: number | null;
  channel?: string;
}

export interface QueueFigures {
  offered: number;
  answered: number;
  abandoned: number;
  short_abandoned?: number;
  exits?: Record<string, number>;
  service_level: number | null;
  asa_ms?: number | null;
  longest_ms?: number | null;
  prediction?: { bias_ms: number | null; mae_ms: number | null; coverage: number | null } | null;
}

export interface Emergency {
  on: boolean;
  announcement: string;
  until: string | null;
}

export interface Queue {
  name: string;
  strategy: string;
  waiting: number;
  longest_wait_ms: number;
  calls: WaitingCall[];
  agents: Partial<Record<AgentState, number>>;
  offered: number;
  answered: number;
  abandoned: number;
  service_level: number | null;
  title?: string;
  open?: boolean;
  closed_reason?: string;
  emergency?: Emergency | null;
  ewt_ms?: number | null;
  p80_ms?: number | null;
  signed_in?: number;
  ready?: number;
  callbacks?: number;
  figures?: QueueFigures;
  /** The share that should be answered in time, 0..1. */
  goal?: number;
}

export interface Trunk {
  name: string;
  profile: string;
  addresses: string[];
  state: string;
  detail: string;
  calls: number;
  /** Lines it has; 0 or absent: no limit. */
  channels?: number;
}

export interface Registration {
  extension: string;
  contacts: { contact: string; address: string; user_agent: string; expires: string }[];
}

/** A phone that fetches its settings from here. */
export interface ProvisionedPhone {
  mac: string;
  profile: string;
  extension: string;
  label: string;
  fetched_at: string | null;
  address: string;
  /** What the device that is bound calls itself. */
  device: string;
  pin: "" | "waiting" | "void";
  pin_until: string | null;
}

/** Told once. */
export interface IssuedPin {
  pin: string;
  until: string;
}

export const ALARM_LEVELS = ["critical", "major", "minor", "warning"] as const;
export type AlarmLevel = (typeof ALARM_LEVELS)[number];

export interface Alarm {
  code: string;
  level: AlarmLevel;
  text: string;
  object: string;
  since: string;
}

export interface Check {
  name: string;
  ok: boolean;
  text: string;
  advice: string;
}

export interface Status {
  version: string;
  started: string;
  live_calls: number;
  agents: Partial<Record<AgentState, number>>;
  alarms: Alarm[];
  listeners: unknown[];
  disk_free_bytes: number;
  recordings: Record<string, unknown>;
  checks: Check[];
}

/** `plan` and `errors` are shown as the server words them: sentences, or objects whose fields are listed. */
export interface ApplyResult {
  plan: unknown[];
  errors: unknown[];
  /** Secrets that were generated; the server says them once. */
  secrets?: Record<string, string>;
}

export interface Demo {
  token: string;
  to: string;
  expires?: string;
}

export interface AgentSnapshot {
  agent: Agent;
  offer: Offer | null;
  call: Call | null;
}

export interface BoardSnapshot {
  agents: Agent[];
  queues: Queue[];
  calls: Call[];
  trunks?: Trunk[];
  rooms?: Room[];
}

export interface Message {
  from: string;
  text: string;
  at: string;
}

export type Topic = "agent" | "board" | "calls" | "rooms";

/** What `{"seq","event"}` frames carry. An unknown `type` is ignored. */
export type ServerEvent =
  | { type: "hello"; resume: string; session: Session }
  | { type: "resync" }
  | { type: "agent.state"; agent: Agent }
  | { type: "offer.made"; offer: Offer }
  | { type: "offer.withdrawn"; offer?: string; reason: string }
  | { type: "call.state"; call: Call }
  | { type: "room"; room: Room }
  | { type: "board.agent"; agent: Agent }
  | { type: "board.queue"; queue: Queue }
  | { type: "alarm.raised"; code: string; level: AlarmLevel; text: string; object?: string; since?: string; at?: string }
  | { type: "alarm.cleared"; code: string; object?: string }
  | { type: "monitor.state"; call: string; mode: MonitorMode }
  | { type: "board.trunk"; trunk: Trunk }
  | { type: "board.call"; call: Call }
  | ({ type: "agent.message" } & Message)
  | { type: "help"; agent: string; state: "asked" | "accepted" | "escalated" | "ended" }
  | { type: "callback.due"; callback: string; queue: string; why: "created" | "due" | "done" | "cancelled" };

type Nothing = Record<string, never>;

/** Requests and what their `ok` holds. `to` is a destination, or a number, extension or login as dialled. */
export interface Requests {
  subscribe: { ask: { topics: Topic[] }; ok: Partial<AgentSnapshot & BoardSnapshot> };
  "agent.state": { ask: { state: "ready" | "not_ready" | "logged_out"; reason?: string; station?: string }; ok: Agent };
  "agent.station": { ask: { station: string }; ok: unknown };
  "media.offer": { ask: { leg: "main"; sdp: string }; ok: { sdp: string } };
  "media.ice": { ask: Nothing; ok: { ice_servers: RTCIceServer[] } };
  "media.close": { ask: { leg: "main" }; ok: Nothing };
  "offer.accept": { ask: { offer: string }; ok: Nothing };
  "offer.reject": { ask: { offer: string }; ok: Nothing };
  "call.hold": { ask: Nothing; ok: Partial<Call> };
  "call.resume": { ask: Nothing; ok: Partial<Call> };
  "call.mute": { ask: Nothing; ok: unknown };
  "call.unmute": { ask: Nothing; ok: unknown };
  "call.hangup": { ask: Nothing; ok: Partial<Call> };
  "call.dial": { ask: { to: string }; ok: { call: string } };
  "call.consult": { ask: { to: string }; ok: unknown };
  "consult.complete": { ask: Nothing; ok: unknown };
  "consult.merge": { ask: Nothing; ok: unknown };
  "consult.cancel": { ask: Nothing; ok: unknown };
  "call.transfer": { ask: { to: string; data?: Record<string, string> }; ok: unknown };
  "call.invite": { ask: { to: string }; ok: unknown };
  "call.mute_member": { ask: { participant: string; on: boolean }; ok: unknown };
  "call.remove": { ask: { participant: string }; ok: unknown };
  "call.park": { ask: { slot?: string }; ok: { slot?: string } | undefined };
  "call.pickup": { ask: { slot?: string; call?: string; agent?: string }; ok: unknown };
  "call.record": { ask: { action: "start" | "stop" | "pause" | "resume" }; ok: unknown };
  "call.data": { ask: { values: Record<string, string> }; ok: unknown };
  "queue.pick": { ask: { call: string }; ok: unknown };
  "help.ask": { ask: Nothing; ok: unknown };
  dtmf: { ask: { digits: string }; ok: Nothing };
  "wrapup.start": { ask: Nothing; ok: unknown };
  "wrapup.extend": { ask: { reason: string }; ok: unknown };
  /** `codes` is the path of one result, top first. */
  "wrapup.done": { ask: { codes?: string[]; note?: string }; ok: Agent };
  "monitor.set": { ask: { call: string; mode: MonitorMode; device?: string }; ok: { mode: MonitorMode } };
  "call.intercept": { ask: { call: string; device: string }; ok: unknown };
}
