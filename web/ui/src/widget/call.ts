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

interface Frame {
  re?: number;
  ok?: { sdp?: string; ice_servers?: RTCIceServer[] };
  error?: Problem;
  event?: { type: string; state?: Phase; position?: number; cause?: string };
}

const GATHER_MS = 500;
const ANSWER_MS = 15_000;

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
  private iceRequest = 0;
  private startRequest = 0;
  private settleServers: ((servers: RTCIceServer[]) => void) | null = null;
  private over = false;
  private settleStart: { answer: (sdp: string) => void; fail: (failure: Failure) => void } | null = null;

  constructor(
    private readonly server: string,
    private readonly token: string,
    private readonly audio: HTMLAudioElement,
    private readonly tell: (told: Told) => void,
  ) {}

  /** Never rejects: failures are told. */
  async start(context: Record<string, string>, name: string): Promise<void> {
    this.tell({ phase: "connecting" });
    try {
      this.stream = await this.microphone();
      if (this.over) return this.release();
      await this.openSocket();
      await this.negotiate(this.stream, context, name);
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
    const url = `${this.server.replace(/^http/, "ws")}/api/v1/ws?token=${encodeURIComponent(this.token)}`;
    const socket = new WebSocket(url);
    this.socket = socket;
    return new Promise((resolve, reject) => {
      let opened = false;
      socket.onopen = () => {
        opened = true;
        resolve();
      };
      socket.onmessage = (message) => this.receive(JSON.parse(String(message.data)) as Frame);
      socket.onclose = () => {
        if (opened) this.lost();
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

  private async negotiate(stream: MediaStream, context: Record<string, string>, name: string): Promise<void> {
    const peer = new RTCPeerConnection({ iceServers: await this.iceServers(), bundlePolicy: "max-bundle" });
    this.peer = peer;
    peer.ontrack = ({ track }) => {
      this.audio.srcObject = new MediaStream([track]);
      void this.audio.play().catch(() => undefined);
    };
    peer.onconnectionstatechange = () => {
      if (peer.connectionState === "failed") this.lost();
    };
    for (const track of stream.getAudioTracks()) peer.addTrack(track, stream);
    await peer.setLocalDescription(await peer.createOffer());
    await gathered(peer);
    const answer = await this.ask(peer.localDescription?.sdp ?? "", context, name);
    if (!this.over) await peer.setRemoteDescription({ type: "answer", sdp: answer });
  }

  private iceServers(): Promise<RTCIceServer[]> {
    return new Promise((resolve) => {
      this.settleServers = resolve;
      this.iceRequest = this.nextId;
      this.send("media.ice", {});
    });
  }

  private ask(sdp: string, context: Record<string, string>, name: string): Promise<string> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new CallFailure("unreachable")), ANSWER_MS);
      this.settleStart = {
        answer: (text) => {
          clearTimeout(timer);
          resolve(text);
        },
        fail: (failure) => {
          clearTimeout(timer);
          reject(new CallFailure(failure));
        },
      };
      this.startRequest = this.nextId;
      this.send("call.start", { sdp, context, ...(name ? { name } : {}) });
    });
  }

  private receive(frame: Frame): void {
    if (frame.re === this.iceRequest) this.settleServers?.(frame.ok?.ice_servers ?? []);
    if (frame.re === this.startRequest) {
      if (frame.ok?.sdp) this.settleStart?.answer(frame.ok.sdp);
      else this.settleStart?.fail(this.refusal(frame.error));
    }
    const event = frame.event;
    if (this.over || event?.type !== "call.state" || !event.state) return;
    if (event.state === "ended") this.end(ENDINGS[event.cause ?? ""]);
    else this.tell({ phase: event.state, position: event.position });
  }

  private refusal(problem: Problem | undefined): Failure {
    if (problem?.status === 401 || problem?.status === 403) return "expired";
    return problem?.status === 503 ? "busy" : "refused";
  }

  private lost(): void {
    this.settleServers?.([]);
    this.settleStart?.fail("lost");
    this.end("lost");
  }

  private send(type: string, body: object): void {
    if (this.socket?.readyState !== WebSocket.OPEN) return;
    this.socket.send(JSON.stringify({ id: this.nextId, type, ...body }));
    this.nextId += 1;
  }

  private end(failure?: Failure): void {
    if (this.over) return;
    this.over = true;
    this.release();
    this.tell({ phase: "ended", failure });
  }

  private release(): void {
    this.peer?.close();
    for (const track of this.stream?.getTracks() ?? []) track.stop();
    this.audio.srcObject = null;
    this.socket?.close(1000);
    this.peer = this.stream = this.socket = null;
  }
}
