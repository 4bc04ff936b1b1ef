/** The browser's leg with peer connections that the test holds: what a restart keeps, and when it begins anew. */

import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { BrowserLeg, MicrophoneError, RESTART_MS, type LegState } from "@/media/leg";

class FakePeer extends EventTarget {
  connectionState: RTCPeerConnectionState = "new";
  iceGatheringState: RTCIceGatheringState = "complete";
  signalingState: RTCSignalingState = "stable";
  localDescription: { sdp: string } | null = null;
  restarts = 0;
  rollbacks = 0;

  addTransceiver(): object {
    const sender = { replaceTrack: () => Promise.resolve() };
    return { sender, receiver: { track: {} }, setCodecPreferences: () => undefined };
  }

  restartIce(): void {
    this.restarts += 1;
  }

  createOffer(): Promise<{ type: string; sdp: string }> {
    return Promise.resolve({ type: "offer", sdp: `offer ${this.restarts}` });
  }

  setLocalDescription(description: { type: string; sdp?: string }): Promise<void> {
    if (description.type === "rollback") {
      this.rollbacks += 1;
      this.signalingState = "stable";
    } else {
      this.localDescription = { sdp: description.sdp ?? "" };
      this.signalingState = "have-local-offer";
    }
    return Promise.resolve();
  }

  setRemoteDescription(): Promise<void> {
    this.signalingState = "stable";
    return Promise.resolve();
  }

  becomes(state: RTCPeerConnectionState): void {
    this.connectionState = state;
    this.dispatchEvent(new Event("connectionstatechange"));
  }

  close(): void {
    this.connectionState = "closed";
  }
}

class Refused extends Error {
  constructor(readonly status: number) {
    super("refused");
  }
}

describe("BrowserLeg", () => {
  let peers: FakePeer[];
  let offers: string[];
  let states: LegState[];
  let answer: () => Promise<string>;
  let openMicrophone: () => Promise<unknown>;
  let leg: BrowserLeg;

  const last = (): FakePeer => peers[peers.length - 1] as FakePeer;
  const settle = (): Promise<unknown> => vi.advanceTimersByTimeAsync(0);

  beforeEach(() => {
    vi.useFakeTimers();
    peers = [];
    offers = [];
    states = [];
    answer = () => Promise.resolve("answer");
    openMicrophone = () => Promise.resolve({ getAudioTracks: () => [], getTracks: () => [] });
    class KnownPeer extends FakePeer {
      constructor() {
        super();
        peers.push(this);
      }
    }
    vi.stubGlobal("RTCPeerConnection", KnownPeer);
    vi.stubGlobal("RTCRtpReceiver", { getCapabilities: () => ({ codecs: [] }) });
    vi.stubGlobal("MediaStream", vi.fn());
    vi.stubGlobal("navigator", { mediaDevices: { getUserMedia: () => openMicrophone() } });
    const remote = { dataset: {}, srcObject: null } as unknown as HTMLElement;
    vi.spyOn(document, "createElement").mockReturnValue(remote);
    vi.spyOn(document.body, "append").mockReturnValue();
    leg = new BrowserLeg(
      (sdp) => {
        offers.push(sdp);
        return answer();
      },
      (state) => states.push(state),
    );
  });
  afterEach(() => {
    vi.useRealTimers();
    vi.unstubAllGlobals();
    vi.restoreAllMocks();
  });

  async function opened(): Promise<FakePeer> {
    const opening = leg.open(true);
    await settle();
    last().becomes("connected");
    await opening;
    expect(leg.state).toBe("up");
    return last();
  }

  it("offers once the microphone is there, and has gathered meanwhile", async () => {
    let grant: (stream: unknown) => void = () => undefined;
    openMicrophone = () => new Promise((resolve) => (grant = resolve));
    const opening = leg.open(true);
    await settle();
    expect(last().signalingState, "the offer is made already").toBe("have-local-offer");
    expect(offers, "the server is not asked yet").toEqual([]);
    grant({ getAudioTracks: () => [], getTracks: () => [] });
    await settle();
    last().becomes("connected");
    await opening;
    expect(offers).toEqual(["offer 0"]);
  });

  it("asks the server for nothing without a microphone that is needed", async () => {
    openMicrophone = () => Promise.reject(new DOMException("", "NotAllowedError"));
    await expect(leg.open(true)).rejects.toBeInstanceOf(MicrophoneError);
    expect([leg.state, offers.length, last().connectionState]).toEqual(["failed", 0, "closed"]);
  });

  it("restarts on the same connection", async () => {
    const peer = await opened();
    peer.becomes("disconnected");
    expect(leg.state).toBe("unsure");
    const restarting = leg.restart(true);
    await settle();
    peer.becomes("connected");
    await restarting;
    expect([leg.state, peers.length, offers]).toEqual(["up", 1, ["offer 0", "offer 1"]]);
  });

  it("is up at once when the way had never been lost", async () => {
    const peer = await opened();
    await leg.restart(true);
    expect([leg.state, peers.length, peer.restarts]).toEqual(["up", 1, 1]);
  });

  it("opens anew when the restart leads nowhere", async () => {
    const peer = await opened();
    peer.becomes("failed");
    const restarting = leg.restart(true);
    await vi.advanceTimersByTimeAsync(RESTART_MS);
    expect([peers.length, peer.connectionState]).toEqual([2, "closed"]);
    last().becomes("connected");
    await restarting;
    expect(leg.state).toBe("up");
  });

  it("opens anew when the server refuses the restart", async () => {
    await opened();
    answer = () => {
      answer = () => Promise.resolve("answer");
      return Promise.reject(new Refused(422));
    };
    const restarting = leg.restart(true);
    await settle();
    expect(peers).toHaveLength(2);
    last().becomes("connected");
    await restarting;
    expect(offers).toEqual(["offer 0", "offer 1", "offer 0"]);
  });

  it("takes its offer back when the server cannot be asked, so that another restart may follow", async () => {
    const peer = await opened();
    peer.becomes("disconnected");
    answer = () => Promise.reject(new Refused(0));
    await expect(leg.restart(true)).rejects.toMatchObject({ status: 0 });
    expect([peers.length, peer.rollbacks, peer.signalingState, leg.state]).toEqual([1, 1, "stable", "unsure"]);
    answer = () => Promise.resolve("answer");
    const again = leg.restart(true);
    await settle();
    peer.becomes("connected");
    await again;
    expect([peers.length, leg.state]).toEqual([1, "up"]);
  });
});
