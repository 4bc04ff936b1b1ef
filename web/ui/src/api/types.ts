/**
 * What the server says over REST and WebSocket, as web/README.md words it.
 *
 * Times are RFC 3339 strings in UTC, durations are milliseconds, an absent value is `null`.
 */

export type Role = "agent" | "supervisor" | "administrator" | "api";
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
}

/** RFC 9457. */
export interface Problem {
  type?: string;
  title: string;
  status: number;
  detail?: string;
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
  "reserved",
  "ringing",
  "dialling",
  "talking",
  "holding",
  "wrap_up",
  "not_responding",
  "offline",
] as const;
export type AgentState = (typeof AGENT_STATES)[number];

/** The reasons a person may choose; the server may know more (`login`, `device`). */
export const NOT_READY_REASONS = ["break", "lunch", "meeting", "training"] as const;
export type NotReadyReason = (typeof NOT_READY_REASONS)[number];

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
}

export const CALL_STATES = ["ringing", "ivr", "waiting", "talking", "held", "ended"] as const;
export type CallState = (typeof CALL_STATES)[number];

export const CALL_RESULTS = ["answered", "abandoned", "busy", "no_answer", "rejected", "failed", "interrupted"] as const;
export type CallResult = (typeof CALL_RESULTS)[number];

export type MonitorMode = "off" | "listen" | "whisper" | "barge";

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
}

export interface WaitingCall {
  call: string;
  caller: string;
  since: string;
  position: number;
  state: "waiting" | "offering";
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
}

export interface Trunk {
  name: string;
  profile: string;
  addresses: string[];
  state: string;
  detail: string;
  calls: number;
}

export interface Registration {
  extension: string;
  contacts: { contact: string; address: string; user_agent: string; expires: string }[];
}

export interface Alarm {
  code: string;
  level: "warning" | "critical";
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
}

export type Topic = "agent" | "board" | "calls";

/** What `{"seq","event"}` frames carry. An unknown `type` is ignored. */
export type ServerEvent =
  | { type: "hello"; resume: string; session: Session }
  | { type: "resync" }
  | { type: "agent.state"; agent: Agent }
  | { type: "offer.made"; offer: Offer }
  | { type: "offer.withdrawn"; offer?: string; reason: string }
  | { type: "call.state"; call: Call }
  | { type: "board.agent"; agent: Agent }
  | { type: "board.queue"; queue: Queue }
  | { type: "alarm.raised"; code: string; level: "warning" | "critical"; text: string; object?: string; since?: string; at?: string }
  | { type: "alarm.cleared"; code: string; object?: string }
  | { type: "monitor.state"; call: string; mode: MonitorMode };

/** Requests and what their `ok` holds. */
export interface Requests {
  subscribe: { ask: { topics: Topic[] }; ok: Partial<AgentSnapshot & BoardSnapshot> };
  "agent.state": { ask: { state: "ready" | "not_ready" | "logged_out"; reason?: string }; ok: Agent };
  "media.offer": { ask: { leg: "main"; sdp: string }; ok: { sdp: string } };
  "media.close": { ask: { leg: "main" }; ok: Record<string, never> };
  "offer.accept": { ask: { offer: string }; ok: Record<string, never> };
  "offer.reject": { ask: { offer: string }; ok: Record<string, never> };
  "call.hold": { ask: Record<string, never>; ok: Partial<Call> };
  "call.resume": { ask: Record<string, never>; ok: Partial<Call> };
  "call.hangup": { ask: Record<string, never>; ok: Partial<Call> };
  "call.dial": { ask: { to: string }; ok: { call: string } };
  dtmf: { ask: { digits: string }; ok: Record<string, never> };
  "wrapup.done": { ask: Record<string, never>; ok: Agent };
  "monitor.set": { ask: { call: string; mode: MonitorMode }; ok: { mode: MonitorMode } };
}
