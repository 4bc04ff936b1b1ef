/** The tab's one peer connection, shared by the agent's calls and the supervisor's monitoring. */

import { defineStore } from "pinia";
import { ref, shallowRef, watch } from "vue";

import { RequestError } from "@/api/socket";
import { BrowserLeg, type LegState } from "@/media/leg";

import { useLink } from "./link";

export const useMedia = defineStore("media", () => {
  const link = useLink();
  const state = ref<LegState>("closed");
  const muted = ref(false);
  const local = shallowRef<MediaStream | null>(null);
  const remote = shallowRef<MediaStream | null>(null);
  const leg = new BrowserLeg(negotiate, (next) => {
    state.value = next;
    local.value = leg.local;
    remote.value = leg.remote;
  }, iceServers);
  let opening: Promise<void> | null = null;
  /**
   * The server was out of reach meanwhile: the network may have changed under the media too, and the browser notices by itself
   * only after 5 s of unanswered checks.
   */
  let doubted = false;
  watch(
    () => link.interrupted,
    (lost) => (doubted ||= lost),
    { flush: "sync" },
  );

  /** Whether the way is there and nothing speaks against it. */
  const proven = (): boolean => state.value === "up" && !doubted;

  /** TURN servers with passwords of a few hours, so they are asked for each time. Without them the leg works as well. */
  async function iceServers(): Promise<RTCIceServer[]> {
    try {
      return (await link.request("media.ice", {})).ice_servers;
    } catch (failure) {
      if (failure instanceof RequestError && failure.status > 0) return [];
      throw failure;
    }
  }

  async function negotiate(sdp: string): Promise<string> {
    return (await link.request("media.offer", { leg: "main", sdp })).sdp;
  }

  /** Has the leg up on return, with a microphone if it is needed. Raises MicrophoneError or RequestError. */
  async function ensure(needsMicrophone = true): Promise<void> {
    if (state.value === "unsure" || (state.value === "up" && doubted)) await restart(needsMicrophone);
    else if (state.value !== "up") await reopen(needsMicrophone);
    else {
      await leg.takeMicrophone(needsMicrophone);
      local.value = leg.local;
    }
  }

  /** Negotiates anew: after a restart of the server or a failed connection. */
  function reopen(needsMicrophone = true): Promise<void> {
    opening ??= proved(leg.open(needsMicrophone));
    return opening;
  }

  /** Finds a new way to the same server: after a change of network. */
  function restart(needsMicrophone = true): Promise<void> {
    opening ??= proved(leg.restart(needsMicrophone));
    return opening;
  }

  async function proved(negotiation: Promise<void>): Promise<void> {
    doubted = false; // what is lost from now on is another doubt
    try {
      await negotiation;
    } catch (failure) {
      doubted = true;
      throw failure;
    } finally {
      opening = null;
    }
  }

  function setMuted(value: boolean): void {
    muted.value = value;
    leg.setMuted(value);
  }

  async function setLive(live: boolean): Promise<void> {
    if (!live) setMuted(false);
    await leg.setLive(live);
  }

  /** Releases the microphone; tells the server when it can be told. */
  function close(): void {
    if (state.value === "closed") return;
    if (link.status.phase === "open") void link.request("media.close", { leg: "main" }).catch(() => undefined);
    leg.close();
  }

  return { state, muted, local, remote, proven, ensure, reopen, restart, setLive, setMuted, close };
});
