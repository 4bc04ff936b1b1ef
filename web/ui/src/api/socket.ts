/**
 * The one WebSocket of a tab: requests with replies, events, and a connection that comes back by itself.
 *
 * After a drop it reconnects with `?resume=TOKEN&after=SEQ`, so the server replays what was missed or says `resync`. Token and number
 * of the last event live in the tab's session storage: a reloaded page resumes too. Framework-free; clock, timers, socket and storage
 * come from outside, so that tests hold the time.
 */

import type { Problem, Requests, ServerEvent } from "./types";

export type LinkStatus =
  | { phase: "closed" }
  | { phase: "connecting" }
  | { phase: "open" }
  /** Lost; tries again at `retryAt` (ms since epoch). */
  | { phase: "waiting"; retryAt: number }
  /** Not coming back by itself: the session ended, or another tab took the seat. */
  | { phase: "refused"; reason: "signed_out" | "replaced" };

/** Close codes of the server that must not be answered by reconnecting. */
export const CLOSE_SIGNED_OUT = 4401;
export const CLOSE_REPLACED = 4409;

/** First wait 0.5 s, doubling, at most 8 s. */
export const BACKOFF_MS = [500, 1000, 2000, 4000, 8000] as const;
export const REQUEST_TIMEOUT_MS = 10_000;

export interface ResumePoint {
  token: string;
  seq: number;
}

export interface ResumeStore {
  load(): ResumePoint | null;
  save(point: ResumePoint | null): void;
}

/** The part of `WebSocket` that is used. */
export interface SocketLike {
  onopen: ((event: Event) => void) | null;
  onmessage: ((event: MessageEvent) => void) | null;
  onclose: ((event: CloseEvent) => void) | null;
  send(data: string): void;
  close(code?: number): void;
}

export interface SocketParts {
  url: string;
  /** The id of the tab's session, or "". */
  session: () => string;
  open: (url: string) => SocketLike;
  store: ResumeStore;
  now: () => number;
  /** 0..1, spreads the reconnects of many tabs. */
  jitter: () => number;
  /** Asked when a connection never opened: does the session still exist? */
  stillSignedIn: () => Promise<boolean>;
}

/** The request was refused (`problem.status`), or its answer never came (`status` 0). */
export class RequestError extends Error {
  constructor(readonly problem: Problem) {
    super(problem.detail || problem.title);
    this.name = "RequestError";
  }

  get status(): number {
    return this.problem.status;
  }
}

interface Pending {
  resolve: (ok: unknown) => void;
  reject: (error: RequestError) => void;
  timer: ReturnType<typeof setTimeout>;
}

interface Frame {
  re?: number;
  ok?: unknown;
  error?: Problem;
  seq?: number;
  event?: ServerEvent;
  type?: string;
}

const lost = (title: string): RequestError => new RequestError({ title, status: 0 });

export class ServerSocket {
  status: LinkStatus = { phase: "closed" };
  private socket: SocketLike | null = null;
  private point: ResumePoint | null;
  private nextId = 1;
  private attempt = 0;
  private opened = false;
  private retryTimer: ReturnType<typeof setTimeout> | undefined;
  private readonly pending = new Map<number, Pending>();
  private readonly eventListeners = new Set<(event: ServerEvent) => void>();
  private readonly statusListeners = new Set<(status: LinkStatus) => void>();

  constructor(private readonly parts: SocketParts) {
    this.point = parts.store.load();
  }

  onEvent(listener: (event: ServerEvent) => void): () => void {
    this.eventListeners.add(listener);
    return () => this.eventListeners.delete(listener);
  }

  onStatus(listener: (status: LinkStatus) => void): () => void {
    this.statusListeners.add(listener);
    return () => this.statusListeners.delete(listener);
  }

  /** Starts, or starts again after `refused`. Does nothing while a connection is up or on its way. */
  connect(): void {
    if (this.status.phase === "open" || this.status.phase === "connecting") return;
    clearTimeout(this.retryTimer);
    this.opened = false;
    this.change({ phase: "connecting" });
    const socket = this.parts.open(this.address());
    this.socket = socket;
    // A resumed connection begins with the missed events or with nothing at all: open is what the browser calls open.
    socket.onopen = () => {
      if (this.socket !== socket) return;
      this.opened = true;
      this.change({ phase: "open" });
    };
    socket.onmessage = (message) => {
      if (this.socket === socket && typeof message.data === "string") this.receive(JSON.parse(message.data) as Frame);
    };
    socket.onclose = (event) => {
      if (this.socket === socket) this.dropped(event.code);
    };
  }

  /** The network has changed: whatever the old connection says, it is replaced at once; the resume token loses nothing. */
  renew(): void {
    if (this.status.phase === "closed" || this.status.phase === "refused") return;
    const socket = this.socket;
    this.socket = null;
    this.failPending("connection lost");
    socket?.close();
    clearTimeout(this.retryTimer);
    this.attempt = 0;
    this.status = { phase: "waiting", retryAt: this.parts.now() };
    this.connect();
  }

  /** Ends for good: sign-out. Forgets the resume token. */
  close(): void {
    clearTimeout(this.retryTimer);
    const socket = this.socket;
    this.socket = null;
    this.remember(null);
    this.failPending("closed");
    socket?.close(1000);
    this.change({ phase: "closed" });
  }

  /** Raises RequestError when refused, when the connection drops, or after 10 s without an answer. */
  request<T extends keyof Requests>(type: T, body: Requests[T]["ask"]): Promise<Requests[T]["ok"]> {
    const socket = this.socket;
    if (!socket || this.status.phase !== "open") return Promise.reject(lost("not connected"));
    const id = this.nextId++;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.pending.delete(id);
        reject(lost("no answer"));
      }, REQUEST_TIMEOUT_MS);
      this.pending.set(id, { resolve: resolve as (ok: unknown) => void, reject, timer });
      socket.send(JSON.stringify({ id, type, ...body }));
    });
  }

  private address(): string {
    const search = new URLSearchParams();
    if (this.parts.session()) search.set("session", this.parts.session());
    if (this.point) {
      search.set("resume", this.point.token);
      search.set("after", String(this.point.seq));
    }
    return search.size > 0 ? `${this.parts.url}?${search.toString()}` : this.parts.url;
  }

  private receive(frame: Frame): void {
    this.attempt = 0;
    if (frame.re !== undefined) {
      this.settle(frame.re, frame);
      return;
    }
    const event = frame.event ?? (frame.type ? (frame as ServerEvent) : null);
    if (!event) return;
    if (event.type === "hello") this.remember({ token: event.resume, seq: this.point?.seq ?? 0 });
    // The server could not replay: its numbering may have begun anew.
    if (event.type === "resync" && this.point) this.remember({ token: this.point.token, seq: 0 });
    if (this.point && frame.seq !== undefined) this.remember({ token: this.point.token, seq: frame.seq });
    for (const listener of this.eventListeners) listener(event);
  }

  private settle(id: number, frame: Frame): void {
    const waiting = this.pending.get(id);
    if (!waiting) return;
    this.pending.delete(id);
    clearTimeout(waiting.timer);
    if (frame.error) waiting.reject(new RequestError(frame.error));
    else waiting.resolve(frame.ok);
  }

  private dropped(code: number): void {
    this.socket = null;
    this.failPending("connection lost");
    if (code === CLOSE_SIGNED_OUT || code === CLOSE_REPLACED) {
      this.remember(null);
      this.change({ phase: "refused", reason: code === CLOSE_REPLACED ? "replaced" : "signed_out" });
      return;
    }
    const neverOpened = !this.opened;
    this.retryLater();
    if (neverOpened) void this.checkSession();
  }

  private retryLater(): void {
    const base = BACKOFF_MS[Math.min(this.attempt, BACKOFF_MS.length - 1)] ?? 8000;
    this.attempt += 1;
    const wait = Math.round(base * (0.75 + this.parts.jitter() / 2));
    this.change({ phase: "waiting", retryAt: this.parts.now() + wait });
    this.retryTimer = setTimeout(() => this.connect(), wait);
  }

  /** A browser does not tell why an upgrade was refused (401 looks like a network fault), so ask by REST. */
  private async checkSession(): Promise<void> {
    if (await this.parts.stillSignedIn()) return;
    if (this.status.phase !== "waiting" && this.status.phase !== "connecting") return;
    clearTimeout(this.retryTimer);
    this.socket = null;
    this.remember(null);
    this.change({ phase: "refused", reason: "signed_out" });
  }

  private failPending(why: string): void {
    for (const waiting of this.pending.values()) {
      clearTimeout(waiting.timer);
      waiting.reject(lost(why));
    }
    this.pending.clear();
  }

  private remember(point: ResumePoint | null): void {
    this.point = point;
    this.parts.store.save(point);
  }

  private change(status: LinkStatus): void {
    this.status = status;
    for (const listener of this.statusListeners) listener(status);
  }
}

const STORAGE_KEY = "softswitch.resume";

/** Keeps the resume point for this tab only, over reloads. */
export const tabResumeStore: ResumeStore = {
  load() {
    const text = sessionStorage.getItem(STORAGE_KEY);
    if (!text) return null;
    const [token, seq] = text.split(" ");
    return token ? { token, seq: Number(seq) || 0 } : null;
  },
  save(point) {
    if (point) sessionStorage.setItem(STORAGE_KEY, `${point.token} ${point.seq}`);
    else sessionStorage.removeItem(STORAGE_KEY);
  },
};

export const socketUrl = (): string => `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/api/v1/ws`;
