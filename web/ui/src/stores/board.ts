/** What a supervisor sees live: agents, queues, calls, alarms, and the call being monitored. */

import { defineStore } from "pinia";
import { computed, reactive, ref } from "vue";

import { rest } from "@/api/rest";
import type { Agent, Alarm, Call, MonitorMode, Queue, ServerEvent } from "@/api/types";

import { useLink, type Snapshot } from "./link";
import { useMedia } from "./media";
import { useSession } from "./session";

function replace<T>(map: Map<string, T>, items: readonly T[], key: (item: T) => string): void {
  map.clear();
  for (const item of items) map.set(key(item), item);
}

export const useBoard = defineStore("board", () => {
  const link = useLink();
  const media = useMedia();
  const session = useSession();
  const agents = reactive(new Map<string, Agent>());
  const queues = reactive(new Map<string, Queue>());
  const calls = reactive(new Map<string, Call>());
  const alarms = reactive(new Map<string, Alarm>());
  const loaded = ref(false);
  const error = ref<unknown>(null);
  const monitored = ref<{ call: string; mode: MonitorMode } | null>(null);
  const changing = ref("");
  let stop: (() => void) | null = null;

  function takeSnapshot(snapshot: Snapshot, fresh: boolean): void {
    replace(agents, snapshot.agents ?? [], (agent) => agent.login);
    replace(queues, snapshot.queues ?? [], (queue) => queue.name);
    replace(calls, (snapshot.calls ?? []).filter((call) => call.state !== "ended"), (call) => call.id);
    loaded.value = true;
    error.value = null;
    monitored.value = ownMonitor();
    if (fresh) void dropMonitor();
  }

  function ownMonitor(): { call: string; mode: MonitorMode } | null {
    for (const call of calls.values()) {
      const mine = call.monitors.find((monitor) => monitor.supervisor === session.session?.login);
      if (mine && mine.mode !== "off") return { call: call.id, mode: mine.mode };
    }
    return null;
  }

  /** A restarted server has no monitor of ours; the old peer connection leads nowhere. */
  async function dropMonitor(): Promise<void> {
    monitored.value = null;
    await media.setLive(false);
    if (!session.session?.agent) media.close();
  }

  function takeCall(call: Call): void {
    if (call.state !== "ended") calls.set(call.id, call);
    else calls.delete(call.id);
    if (call.state === "ended" && monitored.value?.call === call.id) void settle(call.id, "off");
  }

  async function settle(call: string, mode: MonitorMode): Promise<void> {
    monitored.value = mode === "off" ? null : { call, mode };
    await media.setLive(mode === "whisper" || mode === "barge");
  }

  function takeEvent(event: ServerEvent): void {
    if (event.type === "board.agent") agents.set(event.agent.login, event.agent);
    else if (event.type === "board.queue") queues.set(event.queue.name, event.queue);
    else if (event.type === "call.state") takeCall(event.call);
    else if (event.type === "monitor.state") takeMonitor(event.call, event.mode);
    else if (event.type === "alarm.cleared") alarms.delete(event.code);
    else if (event.type === "alarm.raised") {
      const { code, level, text, object = "", since = event.at ?? "" } = event;
      alarms.set(code, { code, level, text, object, since });
    }
  }

  function takeMonitor(call: string, mode: MonitorMode): void {
    if (mode !== "off" || monitored.value?.call === call) void settle(call, mode);
  }

  const subscriber = {
    topics: ["board" as const, "calls" as const],
    snapshot: takeSnapshot,
    event: takeEvent,
    failed: (failure: unknown) => (error.value = failure),
  };

  function start(): void {
    stop ??= link.subscribe(subscriber);
  }

  function leave(): void {
    stop?.();
    stop = null;
    loaded.value = false;
    monitored.value = null;
    for (const map of [agents, queues, calls, alarms]) map.clear();
  }

  /** Listens to, whispers into, barges into or leaves a call. Raises MicrophoneError or RequestError. */
  async function monitor(call: string, mode: MonitorMode): Promise<void> {
    changing.value = call;
    try {
      if (mode !== "off") await media.ensure(mode !== "listen");
      const settled = await link.request("monitor.set", { call, mode });
      await settle(call, settled.mode);
    } finally {
      changing.value = "";
    }
  }

  const hangUp = (call: string): Promise<undefined> => rest.hangUp(call);

  async function forceState(login: string, state: string, reason: string): Promise<void> {
    agents.set(login, await rest.forceState(login, state, reason));
  }

  const byName = (one: { name: string }, other: { name: string }): number => one.name.localeCompare(other.name);
  /** Who is signed out stands last. */
  const present = (agent: Agent): number => (agent.state === "logged_out" ? 1 : 0);
  return {
    agents: computed(() => [...agents.values()].sort((one, other) => present(one) - present(other) || byName(one, other))),
    queues: computed(() => [...queues.values()].sort(byName)),
    calls: computed(() => [...calls.values()].sort((one, other) => one.created.localeCompare(other.created))),
    alarms: computed(() => [...alarms.values()]),
    loaded,
    error,
    monitored,
    changing,
    start,
    leave,
    retry: () => link.again(),
    monitor,
    hangUp,
    forceState,
  };
});
