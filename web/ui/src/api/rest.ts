/** The REST client: same-origin JSON with the session cookie, CSRF on everything that changes something, problems as exceptions. */

import { learnServerTime } from "@/composables/clock";

import { tabSession } from "./tab";
import type {
  Agent,
  ApplyResult,
  Call,
  CallDetail,
  Demo,
  IssuedPin,
  Kept,
  Page,
  Peaks,
  Problem,
  ProvisionedPhone,
  Queue,
  Registration,
  Session,
  Status,
  Trunk,
} from "./types";

const BASE = "/api/v1";

/** The server refused, or could not be reached (`status` 0). `detail` may be shown to people. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly problem: Problem,
  ) {
    super(problem.detail || problem.title);
    this.name = "ApiError";
  }
}

export interface CallFilter {
  from?: string;
  to?: string;
  number?: string;
  queue?: string;
  agent?: string;
  state?: string;
  result?: string;
  limit?: number;
  cursor?: string;
}

let csrf = "";
let signedOut: () => void = () => undefined;

/** Called with the session's token after sign-in, and with "" after sign-out. */
export function useCsrf(token: string): void {
  csrf = token;
}

/** What to do when the server no longer knows the session (401 on anything but signing in). */
export function onSignedOut(action: () => void): void {
  signedOut = action;
}

async function problemOf(response: Response): Promise<Problem> {
  const fallback = { title: response.statusText || String(response.status), status: response.status };
  if (!(response.headers.get("content-type") ?? "").includes("json")) return fallback;
  try {
    return { ...fallback, ...((await response.json()) as Partial<Problem>) };
  } catch (error) {
    if (error instanceof SyntaxError) return fallback;
    throw error;
  }
}

/** One request; raises ApiError unless it succeeded. */
export async function send(
  method: string,
  path: string,
  body?: BodyInit,
  type = "application/json",
  session = tabSession(),
  /** The version that is to be changed (If-Match); "" for whatever is there. */
  tag = "",
): Promise<Response> {
  const headers: Record<string, string> = { Accept: "application/json" };
  if (session) headers["X-Session"] = session;
  if (body !== undefined) headers["Content-Type"] = type;
  if (tag) headers["If-Match"] = `"${tag}"`;
  if (method !== "GET" && csrf) headers["X-CSRF-Token"] = csrf;
  let response: Response;
  try {
    response = await fetch(BASE + path, { method, headers, credentials: "same-origin", ...(body === undefined ? {} : { body }) });
  } catch (error) {
    throw new ApiError(0, { title: "unreachable", status: 0, detail: error instanceof Error ? error.message : "" });
  }
  learnServerTime(response.headers.get("date"));
  if (response.ok) return response;
  if (response.status === 403 && (await renewedCsrf(method))) return send(method, path, body, type, session, tag);
  if (response.status === 401 && !path.startsWith("/auth/")) signedOut();
  throw new ApiError(response.status, await problemOf(response));
}

/** The same person may have signed in again at another tab, which makes this tab's token a stale one. True when there is a new one. */
async function renewedCsrf(method: string): Promise<boolean> {
  if (method === "GET" || !csrf) return false;
  const now = (await rest.session()).csrf;
  const renewed = now !== csrf;
  csrf = now;
  return renewed;
}

export async function json<T>(method: string, path: string, body?: unknown): Promise<T> {
  const response = await send(method, path, body === undefined ? undefined : JSON.stringify(body));
  return (response.status === 204 ? undefined : await response.json()) as T;
}

/** A query string without empty values. */
export function query(values: object): string {
  const search = new URLSearchParams();
  for (const [key, value] of Object.entries(values) as [string, unknown][]) {
    if (value !== undefined && value !== null && value !== "") search.set(key, String(value));
  }
  const text = search.toString();
  return text ? `?${text}` : "";
}

export const recordingUrl = (call: string, recording: string): string =>
  `${BASE}/calls/${encodeURIComponent(call)}/recording${query({ id: recording, session: tabSession() })}`;

/** Mistakes in the file are an answer, not a failure: 422 carries them beside the plan. */
async function apply(toml: string, dryRun: boolean): Promise<ApplyResult> {
  try {
    const response = await send("POST", `/apply${query({ dry_run: dryRun ? 1 : "" })}`, toml, "application/toml");
    return (await response.json()) as ApplyResult;
  } catch (error) {
    if (!(error instanceof ApiError) || error.status !== 422) throw error;
    const { plan = [], errors = [] } = error.problem as unknown as Partial<ApplyResult>;
    if (errors.length === 0) throw error;
    return { plan, errors };
  }
}

export const rest = {
  session: () => json<Session>("GET", "/auth/session"),
  /** Who the session of that id is at this browser; "" is the one that signed in last. */
  sessionOf: async (id: string) => (await (await send("GET", "/auth/session", undefined, undefined, id)).json()) as Session,
  signInByLink: (code: string) => json<Session>("POST", "/auth/link", { code }),
  /** `code` of the second factor: a 403 with `second_factor` asks for it. */
  signIn: (login: string, password: string, code = "") =>
    json<Session>("POST", "/auth/session", { login, password, ...(code ? { code } : {}) }),
  signOut: () => json<undefined>("DELETE", "/auth/session"),
  calls: (filter: CallFilter) => json<Page<Call>>("GET", `/calls${query(filter)}`),
  call: (id: string) => json<CallDetail>("GET", `/calls/${encodeURIComponent(id)}`),
  hangUp: (id: string, reason = "") => json<undefined>("DELETE", `/calls/${encodeURIComponent(id)}`, reason ? { reason } : undefined),
  /** Legal hold and retention of a recording; who may not see them gets 403. */
  kept: (recording: string) => json<Kept>("GET", `/recordings/${encodeURIComponent(recording)}`),
  setHold: (recording: string, on: boolean, reason: string) =>
    json<Kept>("PUT", `/recordings/${encodeURIComponent(recording)}`, { legal_hold: on, reason }),
  peaks: (call: string, recording: string) =>
    json<Peaks>("GET", `/calls/${encodeURIComponent(call)}/recording${query({ peaks: 1, id: recording })}`),
  agent: (login: string) => json<Agent>("GET", `/agents/${encodeURIComponent(login)}`),
  agents: () => json<Page<Agent>>("GET", "/agents"),
  forceState: (login: string, state: string, reason: string) =>
    json<Agent>("PUT", `/agents/${encodeURIComponent(login)}/state`, { state, reason }),
  queues: () => json<Page<Queue>>("GET", "/queues"),
  queue: (name: string) => json<Queue>("GET", `/queues/${encodeURIComponent(name)}`),
  trunks: () => json<Page<Trunk>>("GET", "/trunks"),
  registrations: () => json<Page<Registration>>("GET", "/registrations"),
  phones: () => json<Page<ProvisionedPhone>>("GET", "/phones"),
  issuePin: (mac: string) => json<IssuedPin>("POST", `/phones/${encodeURIComponent(mac)}/pin`),
  revokePin: (mac: string) => json<undefined>("DELETE", `/phones/${encodeURIComponent(mac)}/pin`),
  status: () => json<Status>("GET", "/status"),
  apply,
  demo: () => json<Demo>("GET", "/demo"),
};
