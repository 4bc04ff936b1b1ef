import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import {
  BACKOFF_MS,
  CLOSE_REPLACED,
  CLOSE_SIGNED_OUT,
  REQUEST_TIMEOUT_MS,
  RequestError,
  ServerSocket,
  type ResumePoint,
  type SocketLike,
} from "@/api/socket";
import type { ServerEvent } from "@/api/types";

class FakeSocket implements SocketLike {
  onopen: ((event: Event) => void) | null = null;
  onmessage: ((event: MessageEvent) => void) | null = null;
  onclose: ((event: CloseEvent) => void) | null = null;
  readonly sent: Record<string, unknown>[] = [];

  constructor(readonly url: string) {}

  send(text: string): void {
    this.sent.push(JSON.parse(text) as Record<string, unknown>);
  }

  close(): void {
    this.drop(1000);
  }

  opens(): this {
    this.onopen?.(new Event("open"));
    return this;
  }

  says(frame: unknown): void {
    this.onmessage?.({ data: JSON.stringify(frame) } as MessageEvent);
  }

  drop(code = 1006): void {
    this.onclose?.({ code } as CloseEvent);
  }
}

const hello = (seq: number, token = "T1") => ({ seq, event: { type: "hello", resume: token, session: {} } });

describe("ServerSocket", () => {
  let sockets: FakeSocket[];
  let stored: ResumePoint | null;
  let signedIn: boolean;

  function make(): ServerSocket {
    return new ServerSocket({
      url: "ws://x/ws",
      session: () => "ab12cd34",
      open: (url) => {
        const socket = new FakeSocket(url);
        sockets.push(socket);
        return socket;
      },
      store: { load: () => stored, save: (point) => (stored = point) },
      now: () => Date.now(),
      jitter: () => 0.5,
      stillSignedIn: () => Promise.resolve(signedIn),
    });
  }

  const last = (): FakeSocket => sockets[sockets.length - 1] as FakeSocket;

  beforeEach(() => {
    vi.useFakeTimers();
    sockets = [];
    stored = null;
    signedIn = true;
  });
  afterEach(() => vi.useRealTimers());

  it("comes back with the token and the number of the last event", () => {
    const socket = make();
    socket.connect();
    expect(last().url).toBe("ws://x/ws?session=ab12cd34");
    last().opens().says(hello(1));
    last().says({ seq: 7, event: { type: "board.queue", queue: {} } });
    last().drop();
    expect(socket.status.phase).toBe("waiting");
    vi.advanceTimersByTime(BACKOFF_MS[0]);
    expect(last().url).toBe("ws://x/ws?session=ab12cd34&resume=T1&after=7");
  });

  it("resumes after a reload from what the tab kept", () => {
    stored = { token: "T9", seq: 41 };
    make().connect();
    expect(last().url).toBe("ws://x/ws?session=ab12cd34&resume=T9&after=41");
  });

  it("counts a resumed connection as open although the server says nothing", () => {
    stored = { token: "T9", seq: 41 };
    const socket = make();
    socket.connect();
    last().opens();
    expect(socket.status.phase).toBe("open");
  });

  it("starts numbering anew when the server could not replay", () => {
    stored = { token: "OLD", seq: 500 };
    const seen: string[] = [];
    const socket = make();
    socket.onEvent((event: ServerEvent) => seen.push(event.type));
    socket.connect();
    last().opens().says({ seq: 1, event: { type: "resync" } });
    last().says(hello(2, "NEW"));
    expect(stored).toEqual({ token: "NEW", seq: 2 });
    expect(seen).toEqual(["resync", "hello"]);
  });

  it("waits longer each time nothing answers, and shortly again after a success", () => {
    const socket = make();
    socket.connect();
    const waits: number[] = [];
    for (let round = 0; round < 7; round += 1) {
      last().drop();
      if (socket.status.phase === "waiting") waits.push(socket.status.retryAt - Date.now());
      vi.advanceTimersByTime(8000);
    }
    expect(waits).toEqual([500, 1000, 2000, 4000, 8000, 8000, 8000]);
    last().opens().says(hello(1));
    last().drop();
    expect(socket.status).toEqual({ phase: "waiting", retryAt: Date.now() + BACKOFF_MS[0] });
  });

  it("gives up when the server no longer knows the session", async () => {
    signedIn = false;
    const socket = make();
    socket.connect();
    last().drop();
    await vi.advanceTimersByTimeAsync(0);
    expect(socket.status).toEqual({ phase: "refused", reason: "signed_out" });
    vi.advanceTimersByTime(60_000);
    expect(sockets).toHaveLength(1);
  });

  it.each([
    [CLOSE_SIGNED_OUT, "signed_out"],
    [CLOSE_REPLACED, "replaced"],
  ] as const)("does not fight close code %i", (code, reason) => {
    const socket = make();
    socket.connect();
    last().opens().says(hello(1));
    last().drop(code);
    expect(socket.status).toEqual({ phase: "refused", reason });
    expect(stored).toBeNull();
  });

  it("matches replies to requests and turns problems into errors", async () => {
    const socket = make();
    socket.connect();
    last().opens();
    const hold = socket.request("call.hold", {});
    const dial = socket.request("call.dial", { to: "1001" });
    expect(last().sent).toEqual([
      { id: 1, type: "call.hold" },
      { id: 2, type: "call.dial", to: "1001" },
    ]);
    last().says({ re: 2, ok: { call: "c1" } });
    last().says({ re: 1, error: { title: "Conflict", status: 409, detail: "not in a call" } });
    await expect(dial).resolves.toEqual({ call: "c1" });
    await expect(hold).rejects.toMatchObject({ status: 409, message: "not in a call" });
  });

  it("fails open requests when the connection drops or no answer comes", async () => {
    const socket = make();
    socket.connect();
    last().opens();
    const silent = socket.request("call.hold", {});
    const caught = expect(silent).rejects.toBeInstanceOf(RequestError);
    vi.advanceTimersByTime(REQUEST_TIMEOUT_MS);
    await caught;
    const cut = socket.request("call.hold", {});
    last().drop();
    await expect(cut).rejects.toMatchObject({ status: 0 });
    await expect(socket.request("call.hold", {})).rejects.toMatchObject({ status: 0 });
  });

  it("renews a connection that is dead but does not know it, with the token and without a wait", async () => {
    const socket = make();
    socket.connect();
    const old = last().opens();
    old.says(hello(3));
    const asked = socket.request("call.hold", {});
    const caught = expect(asked).rejects.toMatchObject({ status: 0 });
    socket.renew();
    await caught;
    expect(socket.status.phase).toBe("connecting");
    expect(last().url).toBe("ws://x/ws?session=ab12cd34&resume=T1&after=3");
    old.drop();
    old.says({ seq: 9, event: { type: "board.queue", queue: {} } });
    expect(socket.status.phase, "the former connection says nothing any more").toBe("connecting");
    last().opens();
    expect([socket.status.phase, sockets.length, stored]).toEqual(["open", 2, { token: "T1", seq: 3 }]);
  });

  it("renews at once while it waits to try again, and forgets how long it had waited", () => {
    const socket = make();
    socket.connect();
    for (let round = 0; round < 5; round += 1) {
      last().drop();
      vi.advanceTimersByTime(8000);
    }
    last().drop();
    const tried = sockets.length;
    socket.renew();
    expect(sockets).toHaveLength(tried + 1);
    last().drop();
    expect(socket.status).toEqual({ phase: "waiting", retryAt: Date.now() + BACKOFF_MS[0] });
    vi.advanceTimersByTime(BACKOFF_MS[0]);
    expect(sockets).toHaveLength(tried + 2);
  });

  it("renews nothing that was never opened, or refused", () => {
    const socket = make();
    socket.renew();
    expect([sockets.length, socket.status.phase]).toEqual([0, "closed"]);
    socket.connect();
    last().opens().drop(CLOSE_REPLACED);
    socket.renew();
    expect([sockets.length, socket.status.phase]).toEqual([1, "refused"]);
  });

  it("forgets everything at sign-out and ignores the old connection", () => {
    const socket = make();
    socket.connect();
    const old = last().opens();
    old.says(hello(1));
    socket.close();
    old.drop();
    vi.advanceTimersByTime(60_000);
    expect(socket.status.phase).toBe("closed");
    expect(stored).toBeNull();
    expect(sockets).toHaveLength(1);
  });
});
