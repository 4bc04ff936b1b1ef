/** One call of a visitor: microphone, WebSocket with the token, peer connection; told as a few states. */

import type { Failure } from "./text";

export type Phase = "idle" | "connecting" | "ringing" | "ivr" | "waiting" | "talking" | "held" | "ended";

export interface Told {
  phase: Phase;
  position?: number | undefined;
  failure?: Failure | undefined;
}

interface Problem {
  status?: number;
}

interface Ok {
  sdp?: string;
  resume?: string;
  ice_servers?: RTCIceServer[];
}

interface Frame {
  re?: number;
  ok?: Ok;
  error?: Problem;
  seq?: number;
  event?: { type: string; state?: Phase; position?: number; cause?: string };
}

const GATHER_MS = 500;
const ANSWER_MS = 15_000;
/** How long a call waits for its lost connection, and how often it tries; `online` tries at once. */
const AWAY_MS = 30_000;
const AGAIN_MS = 1000;

const FAILURES: Record<string, Failure> = {
  NotAllowedError: "denied",
  SecurityError: "denied",
  NotFoundError: "missing",
  OverconstrainedError: "missing",
};

/** Causes of the switch that the visitor should hear more about than "ended". */
const ENDINGS: Record<string, Failure> = {
  congestion: "busy",
  busy: "busy",
  media_failure: "lost",
  NODE_LOST: "lost",
  shutdown: "lost",
};

class CallFailure extends Error {
  constructor(readonly failure: Failure) {
    super(failure);
  }
}

function gathered(peer: RTCPeerConnection): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, GATHER_MS);
    peer.onicegatheringstatechange = () => {
      if (peer.iceGatheringState === "complete") resolve();
    };
  });
}

export class WidgetCall {
  private socket: WebSocket | null = null;
  private peer: RTCPeerConnection | null = null;
  private stream: MediaStream | null = null;
  private nextId = 1;
  private over = false;
  /** Waiting for a reply; null: the connection is gone. */
  private readonly pending = new Map<number, (reply: Frame | null) => void>();
  /** What a lost connection is taken up again with: "" until the call has begun. */
  private resume = "";
  private token = "";
  private seq = 0;
  /** Since when the connection, or the sound, is away; 0 while it is not. */
  private socketGone = 0;
  private soundGone = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private restarting = false;
  private readonly renew = (): void => this.comeBack();

  constructor(
    private readonly server: string,
    private readonly coming: Promise<string>,
    private readonly audio: HTMLAudioElement,
    private readonly tell: (told: Told) => void,
  ) {
    coming.catch(() => undefined); // told by `start`
  }

  /** Never rejects: failures are told. */
  async start(context: Record<string, string>, name: string, captcha = ""): Promise<void> {
    this.tell({ phase: "connecting" });
    try {
      this.stream = await this.microphone();
      this.token = await this.fetched();
      if (this.over) return this.release();
      window.addEventListener("online", this.renew);
      await this.openSocket();
      await this.negotiate(this.stream, { context, ...(name ? { name } : {}), ...(captcha ? { captcha } : {}) });
    } catch (error) {
      this.end(error instanceof CallFailure ? error.failure : "refused");
    }
  }

  press(digits: string): void {
    this.send("dtmf", { digits });
  }

  setMuted(muted: boolean): void {
    for (const track of this.stream?.getAudioTracks() ?? []) track.enabled = !muted;
  }

  hangUp(): void {
    this.send("call.hangup", {});
    this.end();
  }

  private async microphone(): Promise<MediaStream> {
    const devices = navigator.mediaDevices as MediaDevices | undefined;
    if (!devices) throw new CallFailure("insecure");
    try {
      const raw = new URLSearchParams(location.search).get("raw") === "1";
      const processing = { echoCancellation: !raw, noiseSuppression: !raw, autoGainControl: !raw };
      return await devices.getUserMedia({ audio: processing });
    } catch (error) {
      throw new CallFailure((error instanceof DOMException && FAILURES[error.name]) || "busy_microphone");
    }
  }

  private openSocket(): Promise<void> {
    const again = this.resume ? `&resume=${this.resume}&after=${this.seq}` : "";
    const url = `${this.server.replace(/^http/, "ws")}/api/v1/ws?token=${encodeURIComponent(this.token)}${again}`;
    const socket = new WebSocket(url);
    this.socket = socket;
    return new Promise((resolve, reject) => {
      let opened = false;
      socket.onopen = () => {
        opened = true;
        resolve();
      };
      socket.onmessage = (message) => {
        if (this.socket === socket) this.receive(JSON.parse(String(message.data)) as Frame);
      };
      socket.onclose = () => {
        if (opened && this.socket !== socket) return;
        if (opened) this.dropped();
        else void this.whyClosed().then((failure) => reject(new CallFailure(failure)));
      };
    });
  }

  /** A refused token looks like a network fault to WebSocket; whether the server answers at all tells them apart. */
  private async whyClosed(): Promise<Failure> {
    try {
      await fetch(`${this.server}/healthz`, { mode: "no-cors", cache: "no-store" });
      return "expired";
    } catch {
      return "unreachable";
    }
  }

  /** Raises CallFailure when the site gives no token. */
  private fetched(): Promise<string> {
    return this.coming.catch(() => {
      throw new CallFailure("unreachable");
    });
  }

  private async negotiate(stream: MediaStream, about: object): Promise<void> {
    const peer = new RTCPeerConnection({ iceServers: await this.iceServers(), bundlePolicy: "max-bundle" });
    this.peer = peer;
    peer.ontrack = ({ track }) => {
      this.audio.srcObject = new MediaStream([track]);
      void this.audio.play().catch(() => undefined);
    };
    peer.onconnectionstatechange = () => this.follow(peer);
    for (const track of stream.getAudioTracks()) peer.addTrack(track, stream);
    await peer.setLocalDescription(await peer.createOffer());
    await gathered(peer);
    const answer = await this.ask(peer.localDescription?.sdp ?? "", about);
    if (!this.over) await peer.setRemoteDescription({ type: "answer", sdp: answer });
  }

  private async iceServers(): Promise<RTCIceServer[]> {
    const reply = await this.request("media.ice", {});
    return reply?.ok?.ice_servers ?? [];
  }

  /** The answer to an offer. Raises CallFailure. */
  private async ask(sdp: string, about: object): Promise<string> {
    const reply = await this.request("call.start", { sdp, ...about });
    if (!reply) throw new CallFailure(this.socket ? "unreachable" : "lost");
    if (!reply.ok?.sdp) throw new CallFailure(this.refusal(reply.error));
    this.resume = reply.ok.resume ?? "";
    return reply.ok.sdp;
  }

  /** The reply; null when the connection was lost before, or none came in time. */
  private request(type: string, body: object): Promise<Frame | null> {
    return new Promise((resolve) => {
      const id = this.nextId;
      const settle = (reply: Frame | null): void => {
        clearTimeout(timer);
        this.pending.delete(id);
        resolve(reply);
      };
      const timer = setTimeout(() => settle(null), ANSWER_MS);
      this.pending.set(id, settle);
      if (!this.send(type, body)) settle(null);
    });
  }

  private forget(): void {
    for (const settle of [...this.pending.values()]) settle(null);
  }

  private receive(frame: Frame): void {
    if (frame.re !== undefined) this.pending.get(frame.re)?.(frame);
    this.seq = frame.seq ?? this.seq;
    const event = frame.event;
    if (event?.type === "resync") this.end("lost");
    if (this.over || event?.type !== "call.state" || !event.state) return;
    if (event.state === "ended") this.end(ENDINGS[event.cause ?? ""]);
    else this.tell({ phase: event.state, position: event.position });
  }

  private refusal(problem: Problem | undefined): Failure {
    if (problem?.status === 401 || problem?.status === 403) return "expired";
    return problem?.status === 503 ? "busy" : "refused";
  }

  /** The connection is gone: a call that has begun waits for it. */
  private dropped(): void {
    this.socket = null;
    this.forget();
    if (this.over) return;
    if (this.resume) this.comeBack();
    else this.end("lost");
  }

  /** Connects again at once, whatever the former connection says: the network may have changed under it. */
  private comeBack(): void {
    if (this.over || !this.resume) return;
    clearTimeout(this.timer);
    const former = this.socket;
    this.socket = null;
    former?.close();
    this.forget();
    this.socketGone ||= Date.now();
    const opening = this.openSocket();
    const attempt = this.socket;
    opening.then(
      () => this.isBack(),
      (error: unknown) => {
        if (this.socket === attempt) this.later(error);
      },
    );
  }

  private isBack(): void {
    this.socketGone = 0;
    // The network may have changed under the sound too; the browser itself notices only after 5 s of unanswered checks.
    void this.restart();
  }

  private later(error: unknown): void {
    if (this.over) return;
    const refused = error instanceof CallFailure && error.failure === "expired";
    if (refused || Date.now() - this.socketGone > AWAY_MS) this.end("lost");
    else this.timer = setTimeout(() => this.comeBack(), AGAIN_MS);
  }

  private follow(peer: RTCPeerConnection): void {
    if (this.over || peer !== this.peer) return;
    const state = peer.connectionState;
    if (state === "connected") this.soundGone = 0;
    if (state !== "disconnected" && state !== "failed") return;
    this.soundGone ||= Date.now();
    if (state === "failed" && (!this.resume || Date.now() - this.soundGone > AWAY_MS)) this.end("lost");
    else void this.restart();
  }

  /** Finds a new way for the sound of the same call. Does nothing while the server cannot be asked: `isBack` follows. */
  private async restart(): Promise<void> {
    const peer = this.peer;
    if (!peer || !this.resume || this.restarting || this.socket?.readyState !== WebSocket.OPEN) return;
    this.restarting = true;
    try {
      peer.restartIce();
      await peer.setLocalDescription(await peer.createOffer());
      const reply = await this.request("media.offer", { sdp: peer.localDescription?.sdp ?? "" });
      if (peer.signalingState !== "have-local-offer") return; // closed meanwhile
      if (reply?.ok?.sdp) await peer.setRemoteDescription({ type: "answer", sdp: reply.ok.sdp });
      else await peer.setLocalDescription({ type: "rollback" });
    } finally {
      this.restarting = false;
    }
  }

  /** Whether it could be sent. */
  private send(type: string, body: object): boolean {
    if (this.socket?.readyState !== WebSocket.OPEN) return false;
    this.socket.send(JSON.stringify({ id: this.nextId, type, ...body }));
    this.nextId += 1;
    return true;
  }

  private end(failure?: Failure): void {
    if (this.over) return;
    this.over = true;
    this.release();
    this.tell({ phase: "ended", failure });
  }

  private release(): void {
    window.removeEventListener("online", this.renew);
    clearTimeout(this.timer);
    this.forget();
    this.peer?.close();
    for (const track of this.stream?.getTracks() ?? []) track.stop();
    this.audio.srcObject = null;
    this.socket?.close(1000);
    this.peer = this.stream = this.socket = null;
  }
}
