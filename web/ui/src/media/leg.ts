/**
 * The browser's one media leg (interfaces.md §4): a peer connection that always offers, gathers at most 500 ms, and stays up between
 * calls. Idle means no track on the sender, so nothing is sent; joining a call happens in the engine.
 */

/** `unsure`: the way to the server has stopped answering; a restart of ICE may bring it back. */
export type LegState = "closed" | "opening" | "up" | "unsure" | "failed";

export const GATHER_MS = 500;
/** How long a new leg may take until it counts as up; after that the server decides whether the seat is reachable. */
export const CONNECT_MS = 4000;
/** How long a restart of ICE may take before the leg is opened anew. */
export const RESTART_MS = 2000;

export interface AudioSettings {
  echoCancellation: boolean;
  noiseSuppression: boolean;
  autoGainControl: boolean;
}

const SETTINGS_KEY = "softswitch.audio";

/** `softswitch.audio` in local storage, e.g. `{"noiseSuppression":false}`; `?raw=1` in the address turns all processing off. */
export function audioSettings(search: string, stored: string | null): AudioSettings {
  if (new URLSearchParams(search).get("raw") === "1") {
    return { echoCancellation: false, noiseSuppression: false, autoGainControl: false };
  }
  const settings = { echoCancellation: true, noiseSuppression: true, autoGainControl: true };
  return stored ? { ...settings, ...(JSON.parse(stored) as Partial<AudioSettings>) } : settings;
}

/** `?relay=1` in the address leaves only the way through TURN: for finding out whether it works. */
export const transportPolicy = (search: string): RTCIceTransportPolicy =>
  new URLSearchParams(search).get("relay") === "1" ? "relay" : "all";

interface CodecLike {
  mimeType: string;
}

/**
 * PCMU first, so that the engine can relay trunk audio without transcoding. `?codec=NAME` in the address leaves only that codec
 * (telephone-event stays): measurements need a fixed one.
 */
export function preferCodecs<C extends CodecLike>(codecs: readonly C[], search: string): C[] {
  const only = new URLSearchParams(search).get("codec")?.toLowerCase();
  const name = (codec: C): string => codec.mimeType.toLowerCase().replace("audio/", "");
  if (only) {
    const left = codecs.filter((codec) => name(codec) === only || name(codec) === "telephone-event");
    if (left.some((codec) => name(codec) === only)) return left;
  }
  return [...codecs.filter((codec) => name(codec) === "pcmu"), ...codecs.filter((codec) => name(codec) !== "pcmu")];
}

/** Resolves when gathering is complete, or after 500 ms with what is there. */
export function gathered(peer: RTCPeerConnection): Promise<void> {
  if (peer.iceGatheringState === "complete") return Promise.resolve();
  return new Promise((resolve) => {
    const timer = setTimeout(done, GATHER_MS);
    function done(): void {
      clearTimeout(timer);
      peer.removeEventListener("icegatheringstatechange", check);
      resolve();
    }
    function check(): void {
      if (peer.iceGatheringState === "complete") done();
    }
    peer.addEventListener("icegatheringstatechange", check);
  });
}

/** Why there is no microphone, as words the pages can translate. */
export type MicrophoneProblem = "insecure" | "denied" | "missing" | "busy";

export class MicrophoneError extends Error {
  constructor(readonly problem: MicrophoneProblem) {
    super(problem);
    this.name = "MicrophoneError";
  }
}

/** Raises MicrophoneError. */
export async function microphone(constraints: MediaTrackConstraints): Promise<MediaStream> {
  // Absent on plain-HTTP pages that are not localhost.
  const devices = navigator.mediaDevices as MediaDevices | undefined;
  if (!devices) throw new MicrophoneError("insecure");
  try {
    return await devices.getUserMedia({ audio: constraints });
  } catch (error) {
    const name = error instanceof DOMException ? error.name : "";
    if (name === "NotAllowedError" || name === "SecurityError") throw new MicrophoneError("denied");
    if (name === "NotFoundError" || name === "OverconstrainedError") throw new MicrophoneError("missing");
    throw new MicrophoneError("busy");
  }
}

function remoteElement(): HTMLAudioElement {
  const element = document.createElement("audio");
  element.autoplay = true;
  element.dataset["testid"] = "remote-audio";
  document.body.append(element);
  return element;
}

export class BrowserLeg {
  state: LegState = "closed";
  local: MediaStream | null = null;
  remote: MediaStream | null = null;
  private peer: RTCPeerConnection | null = null;
  private sender: RTCRtpSender | null = null;
  private element: HTMLAudioElement | null = null;
  private live = false;

  /** `negotiate` sends the offer and returns the answer's SDP; `changed` is called after every change of `state`. */
  constructor(
    private readonly negotiate: (sdp: string) => Promise<string>,
    private readonly changed: (state: LegState) => void,
    private readonly servers: () => Promise<RTCIceServer[]> = () => Promise.resolve([]),
  ) {}

  /** Opens, or opens anew after a failure. Raises what `negotiate` raises, and MicrophoneError when one is `needed`. */
  async open(needed: boolean): Promise<void> {
    this.drop();
    this.change("opening");
    try {
      await this.connect(this.takeMicrophone(needed));
    } catch (error) {
      this.drop();
      this.change("failed");
      throw error;
    }
  }

  /**
   * New ICE credentials on the same connection: after a change of network, or when the way was lost. Opens anew when there is no
   * connection, when the server refuses it, or when it does not come up by that. Raises what `negotiate` raises when the server
   * could not be asked: another restart may follow.
   */
  async restart(needed: boolean): Promise<void> {
    const peer = this.peer;
    if (!peer || peer.connectionState === "closed") return this.open(needed);
    try {
      peer.restartIce();
      await this.exchange(peer);
    } catch (error) {
      if ((error as { status?: number }).status !== 0) return this.open(needed);
      if (peer.signalingState === "have-local-offer") await peer.setLocalDescription({ type: "rollback" });
      throw error;
    }
    await this.connected(peer, RESTART_MS, ["connected"]);
    if (this.peer !== peer) return;
    // A connection that was up all the time reports nothing.
    if (peer.connectionState === "connected") this.change("up");
    else await this.open(needed);
  }

  /** Has a microphone on return, or not, when it is not `needed` and there is none: who only listens may have none. */
  async takeMicrophone(needed: boolean): Promise<void> {
    try {
      this.local ??= await microphone({ ...audioSettings(location.search, localStorage.getItem(SETTINGS_KEY)) });
    } catch (error) {
      if (needed || !(error instanceof MicrophoneError)) throw error;
    }
  }

  /** Puts the microphone on the line, or takes it off (then no RTP is sent). */
  async setLive(live: boolean): Promise<void> {
    this.live = live;
    await this.sender?.replaceTrack(live ? (this.local?.getAudioTracks()[0] ?? null) : null);
  }

  setMuted(muted: boolean): void {
    for (const track of this.local?.getAudioTracks() ?? []) track.enabled = !muted;
  }

  close(): void {
    this.drop();
    for (const track of this.local?.getTracks() ?? []) track.stop();
    this.local = null;
    this.change("closed");
  }

  /** The server is asked once the microphone is there; what can be done before is done while it opens. */
  private async connect(microphone: Promise<void>): Promise<void> {
    microphone.catch(() => undefined); // awaited below, also when the servers cannot be had first
    const peer = new RTCPeerConnection({
      iceServers: await this.servers(),
      iceTransportPolicy: transportPolicy(location.search),
      bundlePolicy: "max-bundle",
    });
    this.peer = peer;
    const transceiver = peer.addTransceiver("audio", { direction: "sendrecv" });
    const codecs = RTCRtpReceiver.getCapabilities("audio")?.codecs ?? [];
    transceiver.setCodecPreferences(preferCodecs(codecs, location.search));
    this.sender = transceiver.sender;
    this.remote = new MediaStream([transceiver.receiver.track]);
    this.element ??= remoteElement();
    this.element.srcObject = this.remote;
    peer.addEventListener("connectionstatechange", () => this.follow(peer));
    await this.exchange(peer, microphone.then(() => this.setLive(this.live)));
    await this.connected(peer, CONNECT_MS);
  }

  /** Nothing is offered before `ready`. */
  private async exchange(peer: RTCPeerConnection, ready: Promise<void> = Promise.resolve()): Promise<void> {
    ready.catch(() => undefined); // awaited below, also when the offer fails first
    await peer.setLocalDescription(await peer.createOffer());
    await Promise.all([gathered(peer), ready]);
    const sdp = await this.negotiate(peer.localDescription?.sdp ?? "");
    await peer.setRemoteDescription({ type: "answer", sdp });
  }

  private connected(
    peer: RTCPeerConnection,
    most: number,
    over: readonly RTCPeerConnectionState[] = ["connected", "failed"],
  ): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, most);
      const check = (): void => {
        if (!over.includes(peer.connectionState)) return;
        clearTimeout(timer);
        resolve();
      };
      peer.addEventListener("connectionstatechange", check);
      check();
    });
  }

  private follow(peer: RTCPeerConnection): void {
    if (peer !== this.peer) return;
    if (peer.connectionState === "connected") this.change("up");
    if (peer.connectionState === "disconnected") this.change("unsure");
    if (peer.connectionState === "failed") this.change("failed");
  }

  private drop(): void {
    this.peer?.close();
    this.peer = null;
    this.sender = null;
    this.remote = null;
    if (this.element) this.element.srcObject = null;
  }

  private change(state: LegState): void {
    if (this.state === state) return;
    this.state = state;
    this.changed(state);
  }
}
