/** The agent's own seat: state, offer, call. The server owns all of it; this store shows and asks. */

import { defineStore } from "pinia";
import { computed, ref, watch } from "vue";

import { ApiError, rest } from "@/api/rest";
import { RequestError } from "@/api/socket";
import type { Agent, AgentState, Call, Offer, ServerEvent } from "@/api/types";
import { beep } from "@/media/audio";

import { callCommands } from "./commands";
import { useLink, type Snapshot } from "./link";
import { useMedia } from "./media";

/** States in which the microphone is on the line. */
export const ON_THE_LINE: readonly AgentState[] = ["dialling", "talking", "holding", "consulting", "conference"];
/** States with a caller who can be held, transferred and so on. */
export const WITH_CUSTOMER: readonly AgentState[] = ["talking", "holding", "consulting", "conference"];
/** From the beep to the answer, so that the agent hears it before the caller. */
const BEEP_MS = 450;
const HTTP_CONFLICT = 409;

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
  const onTheLine = computed(() => ON_THE_LINE.includes(state.value));
  const ownPart = computed(() => call.value?.participants?.find(({ party }) => party === `agent:${agent.value?.login ?? ""}`));
  const mutedAtPhone = computed(() => ownPart.value?.state === "muted");
  const muted = computed(() => (usesBrowser.value ? media.muted : mutedAtPhone.value));
  /** Somebody the agent consults, or who joined the customer and the agent. */
  const others = computed(() => (call.value?.participants ?? []).filter(({ role }) => role === "consulted" || role === "member"));

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
    if (next.call && call.value && call.value.id !== next.call) void refreshCall();
  }

  /** The seat went to another call than the one on screen (picked up, transferred here): the snapshot says which. */
  async function refreshCall(): Promise<void> {
    const wanted = agent.value?.call;
    try {
      const snapshot = await link.request("subscribe", { topics: link.topics() });
      if (agent.value?.call === wanted && snapshot.call) call.value = snapshot.call;
    } catch (failure) {
      error.value = failure;
    }
  }

  function takeSnapshot(snapshot: Snapshot, fresh: boolean): void {
    error.value = null;
    if (snapshot.agent) agent.value = snapshot.agent;
    offer.value = snapshot.offer ?? null;
    call.value = snapshot.call ?? null;
    const signedIn = agent.value !== null && agent.value.state !== "logged_out";
    if (signedIn && usesBrowser.value && (fresh || !media.proven())) void restore(fresh);
  }

  /** After a reload or a restart of the server (`fresh`) the seat is still signed in, its audio is not; after a lost network nobody knows. */
  async function restore(fresh = true): Promise<void> {
    try {
      await (fresh ? media.reopen() : media.restart());
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
      if (event.offer.auto_answer) void answerByItself(event.offer.id);
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
  /** One order at a time; an `urgent` one does not wait for another that is still on its way. */
  async function attempt(name: string, action: () => Promise<unknown>, urgent = false): Promise<boolean> {
    if (busy.value && (!urgent || busy.value === name)) return false;
    busy.value = name;
    error.value = null;
    try {
      await action();
      return true;
    } catch (failure) {
      error.value = failure;
      return false;
    } finally {
      if (busy.value === name) busy.value = "";
    }
  }

  /** `station` when signing in at another one than the last. */
  const goReady = (station = ""): Promise<boolean> =>
    attempt("ready", async () => {
      if ((station || agent.value?.station) === "browser") await media.ensure();
      takeAgent(await link.request("agent.state", { state: "ready", ...(station ? { station } : {}) }));
    });

  const goNotReady = (reason: string): Promise<boolean> =>
    attempt("not_ready", async () => takeAgent(await link.request("agent.state", { state: "not_ready", reason })));

  /** Moves to another phone; refused during a contact. */
  const changeStation = (station: string): Promise<boolean> =>
    attempt("station", async () => {
      if (station === "browser") await media.ensure();
      await link.request("agent.station", { station });
      if (station !== "browser") media.close();
    });

  /** The figures of today; the next event tells them anyway. */
  async function refreshFigures(): Promise<void> {
    const login = agent.value?.login;
    if (!login) return;
    try {
      const { today, calls_today } = await rest.agent(login);
      if (agent.value) agent.value = { ...agent.value, calls_today, ...(today ? { today } : {}) };
    } catch (failure) {
      if (!(failure instanceof ApiError)) throw failure;
    }
  }

  const goOut = (): Promise<boolean> =>
    attempt("logged_out", async () => {
      takeAgent(await link.request("agent.state", { state: "logged_out" }));
      if (state.value === "logged_out") media.close();
    });

  /** A second answer, by hand or by the switch itself, is no fault. */
  async function answerByItself(id: string): Promise<void> {
    beep();
    await new Promise((resolve) => setTimeout(resolve, BEEP_MS));
    if (offer.value?.id !== id || busy.value === "accept") return;
    await accept();
    if (error.value instanceof RequestError && error.value.status === HTTP_CONFLICT) error.value = null;
  }

  const accept = (): Promise<boolean> =>
    attempt("accept", async () => {
      const id = offer.value?.id;
      if (!id) return;
      if (usesBrowser.value) await media.ensure();
      accepted.value = offer.value;
      await link.request("offer.accept", { offer: id });
    });

  const reject = (): Promise<boolean> =>
    attempt("reject", async () => {
      const id = offer.value?.id;
      if (id) await link.request("offer.reject", { offer: id });
    });

  const toggleHold = (): Promise<boolean> =>
    attempt("hold", () => link.request(state.value === "holding" ? "call.resume" : "call.hold", {}));

  const hangUp = (): Promise<boolean> => attempt("hangup", () => link.request("call.hangup", {}), true);

  const dial = (to: string): Promise<boolean> =>
    attempt("dial", async () => {
      if (usesBrowser.value) await media.ensure();
      await link.request("call.dial", { to });
    });

  /** Takes a waiting or parked call, or one that rings at a colleague. */
  const takeOver = (what: { slot?: string; call?: string; agent?: string }): Promise<boolean> =>
    attempt("pickup", async () => {
      if (usesBrowser.value) await media.ensure();
      await link.request("call.pickup", what);
    });

  const pick = (waiting: string): Promise<boolean> =>
    attempt("pick", async () => {
      if (usesBrowser.value) await media.ensure();
      await link.request("queue.pick", { call: waiting });
    });

  /** Not through `attempt`: keys come faster than answers. */
  async function sendKey(digit: string): Promise<void> {
    try {
      await link.request("dtmf", { digits: digit });
    } catch (failure) {
      error.value = failure;
    }
  }

  const wrapUpDone = (codes: string[] = [], note = ""): Promise<boolean> =>
    attempt("wrapup", async () => {
      const said = { ...(codes.length > 0 ? { codes } : {}), ...(note ? { note } : {}) };
      takeAgent(await link.request("wrapup.done", said));
    });

  const wrapUpExtend = (reason: string): Promise<boolean> => attempt("extend", () => link.request("wrapup.extend", { reason }));
  const wrapUpStart = (): Promise<boolean> => attempt("wrapup", () => link.request("wrapup.start", {}));

  const toggleMute = (): void => {
    if (usesBrowser.value) media.setMuted(!media.muted);
    else void attempt("mute", () => link.request(mutedAtPhone.value ? "call.unmute" : "call.mute", {}));
  };

  watch(
    () => media.state,
    (now, before) => {
      // The network changed under a connection that worked: find a new way. A leg that never came up waits for the person.
      const lost = now === "unsure" || (now === "failed" && (before === "up" || before === "unsure"));
      if (lost && usesBrowser.value && state.value !== "logged_out" && link.status.phase === "open") void restore(false);
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
    wrapUpExtend,
    wrapUpStart,
    toggleMute,
    refreshFigures,
    muted,
    onTheLine,
    others,
    changeStation,
    takeOver,
    pick,
    attempt,
    ...callCommands(link, attempt),
  };
});
