/** The agent's own seat: state, offer, call. The server owns all of it; this store shows and asks. */

import { defineStore } from "pinia";
import { computed, ref, watch } from "vue";

import type { Agent, AgentState, Call, NotReadyReason, Offer, ServerEvent } from "@/api/types";

import { useLink, type Snapshot } from "./link";
import { useMedia } from "./media";

/** States in which the microphone is on the line. */
const ON_THE_LINE: readonly AgentState[] = ["dialling", "talking", "holding"];

export const useAgent = defineStore("agent", () => {
  const link = useLink();
  const media = useMedia();
  const agent = ref<Agent | null>(null);
  const offer = ref<Offer | null>(null);
  const call = ref<Call | null>(null);
  /** The offer that was accepted here; names the customer until the call itself is announced. */
  const accepted = ref<Offer | null>(null);
  /** The call that wrap-up is about. */
  const lastCall = ref<Call | null>(null);
  /** Why the last offer went away without being answered here. */
  const withdrawn = ref("");
  /** Rises with every call of this agent that ended; lists reload on it. */
  const endedCalls = ref(0);
  const error = ref<unknown>(null);
  const busy = ref("");
  let stop: (() => void) | null = null;

  const state = computed<AgentState>(() => agent.value?.state ?? "logged_out");
  const usesBrowser = computed(() => agent.value?.station === "browser");

  function takeCall(next: Call): void {
    if (next.state === "ended") {
      if (call.value?.id === next.id) call.value = null;
      lastCall.value = next;
      endedCalls.value += 1;
    } else {
      call.value = next;
      if (offer.value?.call === next.id && (next.state === "talking" || next.state === "held")) offer.value = null;
    }
  }

  function takeAgent(next: Agent): void {
    agent.value = next;
    if (!next.call && next.state !== "dialling") {
      if (call.value) lastCall.value = call.value;
      call.value = null;
      if (next.state !== "reserved" && next.state !== "ringing") accepted.value = null;
    }
    if (next.state !== "reserved" && next.state !== "ringing") offer.value = null;
  }

  function takeSnapshot(snapshot: Snapshot, fresh: boolean): void {
    error.value = null;
    if (snapshot.agent) agent.value = snapshot.agent;
    offer.value = snapshot.offer ?? null;
    call.value = snapshot.call ?? null;
    const signedIn = agent.value !== null && agent.value.state !== "logged_out";
    if (signedIn && usesBrowser.value && (fresh || media.state !== "up")) void restore();
  }

  /** After a reload or a restart of the server: the seat is still signed in, its audio is not. */
  async function restore(): Promise<void> {
    try {
      await media.reopen();
    } catch (failure) {
      error.value = failure;
    }
  }

  function takeEvent(event: ServerEvent): void {
    if (event.type === "agent.state") takeAgent(event.agent);
    else if (event.type === "call.state") takeCallEvent(event.call);
    else if (event.type === "offer.made") {
      withdrawn.value = "";
      offer.value = event.offer;
    } else if (event.type === "offer.withdrawn" && offer.value && (event.offer ?? offer.value.id) === offer.value.id) {
      offer.value = null;
      withdrawn.value = event.reason;
    }
  }

  /** A supervisor's tab hears of every call; only the seat's own ones count here. */
  function takeCallEvent(next: Call): void {
    const mine = next.agent === agent.value?.login || next.id === agent.value?.call || next.id === call.value?.id;
    if (mine) takeCall(next);
  }

  const subscriber = {
    topics: ["agent" as const],
    snapshot: takeSnapshot,
    event: takeEvent,
    failed: (failure: unknown) => (error.value = failure),
  };

  /** From the first visit of the agent page on, the seat lives on other pages of the tab too. */
  function start(): void {
    stop ??= link.subscribe(subscriber);
  }

  function leave(): void {
    stop?.();
    stop = null;
    media.close();
    agent.value = null;
    offer.value = null;
    call.value = null;
    accepted.value = null;
    lastCall.value = null;
  }

  /** Runs one request at a time under a name that buttons show as busy. */
  async function attempt(name: string, action: () => Promise<unknown>): Promise<void> {
    if (busy.value) return;
    busy.value = name;
    error.value = null;
    try {
      await action();
    } catch (failure) {
      error.value = failure;
    } finally {
      busy.value = "";
    }
  }

  const goReady = (): Promise<void> =>
    attempt("ready", async () => {
      if (usesBrowser.value) await media.ensure();
      takeAgent(await link.request("agent.state", { state: "ready" }));
    });

  const goNotReady = (reason: NotReadyReason): Promise<void> =>
    attempt("not_ready", async () => takeAgent(await link.request("agent.state", { state: "not_ready", reason })));

  const goOut = (): Promise<void> =>
    attempt("logged_out", async () => {
      takeAgent(await link.request("agent.state", { state: "logged_out" }));
      if (state.value === "logged_out") media.close();
    });

  const accept = (): Promise<void> =>
    attempt("accept", async () => {
      const id = offer.value?.id;
      if (!id) return;
      if (usesBrowser.value) await media.ensure();
      accepted.value = offer.value;
      await link.request("offer.accept", { offer: id });
    });

  const reject = (): Promise<void> =>
    attempt("reject", async () => {
      const id = offer.value?.id;
      if (id) await link.request("offer.reject", { offer: id });
    });

  const toggleHold = (): Promise<void> =>
    attempt("hold", () => link.request(state.value === "holding" ? "call.resume" : "call.hold", {}));

  const hangUp = (): Promise<void> => attempt("hangup", () => link.request("call.hangup", {}));

  const dial = (to: string): Promise<void> =>
    attempt("dial", async () => {
      if (usesBrowser.value) await media.ensure();
      await link.request("call.dial", { to });
    });

  /** Not through `attempt`: keys come faster than answers. */
  async function sendKey(digit: string): Promise<void> {
    try {
      await link.request("dtmf", { digits: digit });
    } catch (failure) {
      error.value = failure;
    }
  }

  const wrapUpDone = (): Promise<void> => attempt("wrapup", async () => takeAgent(await link.request("wrapup.done", {})));

  watch(
    () => media.state,
    (now, before) => {
      // The network changed under a connection that worked: negotiate anew. A leg that never came up waits for the person.
      const lost = now === "failed" && before === "up";
      if (lost && usesBrowser.value && state.value !== "logged_out" && link.status.phase === "open") void restore();
    },
  );
  watch(state, (now) => {
    void media.setLive(ON_THE_LINE.includes(now)).catch((failure: unknown) => (error.value = failure));
    if (now === "logged_out" && media.state !== "closed") media.close();
  });

  return {
    agent,
    offer,
    call,
    accepted,
    lastCall,
    withdrawn,
    endedCalls,
    error,
    busy,
    state,
    usesBrowser,
    start,
    leave,
    retry: () => link.again(),
    restore,
    goReady,
    goNotReady,
    goOut,
    accept,
    reject,
    toggleHold,
    hangUp,
    dial,
    sendKey,
    wrapUpDone,
  };
});
