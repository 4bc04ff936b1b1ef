/**
 * What a supervisor sees live: agents, queues, calls, trunks, alarms, help requests, and the call being monitored.
 *
 * A centre of 500 agents sends hundreds of events a second; they are gathered and shown five times a second.
 */

import { defineStore } from "pinia";
import { computed, ref, shallowRef } from "vue";

import { centre } from "@/api/centre";
import { ApiError, rest } from "@/api/rest";
import { SPEAKING_MODES, type Agent, type Alarm, type Call, type MonitorMode, type Queue, type ServerEvent, type Trunk } from "@/api/types";

import { useLink, type Snapshot } from "./link";
import { useMedia } from "./media";
import { useSession } from "./session";

export const FLUSH_MS = 200;

const names = new Intl.Collator("zh-CN");
const byName = (one: { name: string }, other: { name: string }): number => names.compare(one.name, other.name);
/** Who is signed out stands last. */
const present = (agent: Agent): number => (agent.state === "logged_out" ? 1 : 0);

function replace<T>(map: Map<string, T>, items: readonly T[], key: (item: T) => string): void {
  map.clear();
  for (const item of items) map.set(key(item), item);
}

export const useBoard = defineStore("board", () => {
  const link = useLink();
  const media = useMedia();
  const session = useSession();
  const maps = {
    agents: new Map<string, Agent>(),
    queues: new Map<string, Queue>(),
    calls: new Map<string, Call>(),
    trunks: new Map<string, Trunk>(),
    alarms: new Map<string, Alarm>(),
    /** Login → since when help is asked for. */
    helps: new Map<string, string>(),
  };
  const agents = shallowRef<Agent[]>([]);
  const queues = shallowRef<Queue[]>([]);
  const calls = shallowRef<Call[]>([]);
  const trunks = shallowRef<Trunk[]>([]);
  const alarms = shallowRef<Alarm[]>([]);
  const helps = shallowRef<{ login: string; name: string; call: string | null; since: string }[]>([]);
  const loaded = ref(false);
  const error = ref<unknown>(null);
  const monitored = ref<{ call: string; mode: MonitorMode } | null>(null);
  const changing = ref("");
  /** Where the supervisor hears calls: `browser` or `extension:1001`. */
  const device = ref(localStorage.getItem("softswitch.monitor") ?? "browser");
  let stop: (() => void) | null = null;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const changed = new Set<keyof typeof maps>();

  function show(): void {
    clearTimeout(timer);
    timer = undefined;
    if (changed.has("agents")) agents.value = [...maps.agents.values()].sort((one, other) => present(one) - present(other) || byName(one, other));
    if (changed.has("queues")) queues.value = [...maps.queues.values()].sort(byName);
    if (changed.has("calls")) calls.value = [...maps.calls.values()].sort((one, other) => (one.created < other.created ? -1 : 1));
    if (changed.has("trunks")) trunks.value = [...maps.trunks.values()].sort(byName);
    if (changed.has("alarms")) alarms.value = [...maps.alarms.values()];
    if (changed.has("helps") || changed.has("agents")) helps.value = asking();
    changed.clear();
  }

  const asking = (): { login: string; name: string; call: string | null; since: string }[] =>
    [...maps.helps].map(([login, since]) => {
      const agent = maps.agents.get(login);
      return { login, name: agent?.name || login, call: agent?.call ?? null, since };
    });

  function touch(what: keyof typeof maps): void {
    changed.add(what);
    timer ??= setTimeout(show, FLUSH_MS);
  }

  function takeAgent(agent: Agent): void {
    maps.agents.set(agent.login, agent);
    touch("agents");
    if (agent.help === "asked" || agent.help === "escalated") takeHelp(agent.login, agent.help);
    else if (agent.help === "" && maps.helps.has(agent.login)) takeHelp(agent.login, "ended");
  }

  function takeHelp(login: string, state: string): void {
    if (state !== "asked" && state !== "escalated") maps.helps.delete(login);
    else if (!maps.helps.has(login)) maps.helps.set(login, new Date().toISOString());
    touch("helps");
  }

  function takeSnapshot(snapshot: Snapshot, fresh: boolean): void {
    maps.helps.clear();
    maps.agents.clear();
    for (const agent of snapshot.agents ?? []) takeAgent(agent);
    replace(maps.queues, snapshot.queues ?? [], (queue) => queue.name);
    replace(maps.calls, (snapshot.calls ?? []).filter((call) => call.state !== "ended"), (call) => call.id);
    if (snapshot.trunks) replace(maps.trunks, snapshot.trunks, (trunk) => trunk.name);
    else void loadTrunks();
    for (const what of ["agents", "queues", "calls", "trunks", "helps"] as const) changed.add(what);
    show();
    loaded.value = true;
    error.value = null;
    monitored.value = ownMonitor();
    if (fresh) void dropMonitor();
  }

  /** The snapshot of an older server has no trunks. */
  async function loadTrunks(): Promise<void> {
    try {
      replace(maps.trunks, (await rest.trunks()).items, (trunk) => trunk.name);
      touch("trunks");
    } catch (failure) {
      if (!(failure instanceof ApiError)) throw failure;
    }
  }

  function ownMonitor(): { call: string; mode: MonitorMode } | null {
    for (const call of maps.calls.values()) {
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
    if (call.state !== "ended") maps.calls.set(call.id, call);
    else maps.calls.delete(call.id);
    touch("calls");
    if (call.state === "ended" && monitored.value?.call === call.id) void settle(call.id, "off");
  }

  async function settle(call: string, mode: MonitorMode): Promise<void> {
    monitored.value = mode === "off" ? null : { call, mode };
    await media.setLive(device.value === "browser" && SPEAKING_MODES.includes(mode));
  }

  function takeEvent(event: ServerEvent): void {
    if (event.type === "board.agent") takeAgent(event.agent);
    else if (event.type === "board.queue") {
      maps.queues.set(event.queue.name, event.queue);
      touch("queues");
    } else if (event.type === "board.trunk") {
      maps.trunks.set(event.trunk.name, event.trunk);
      touch("trunks");
    } else if (event.type === "call.state" || event.type === "board.call") takeCall(event.call);
    else if (event.type === "monitor.state") takeMonitor(event.call, event.mode);
    else if (event.type === "help") takeHelp(event.agent, event.state);
    else if (event.type === "alarm.cleared" || event.type === "alarm.raised") takeAlarm(event);
  }

  function takeAlarm(event: Extract<ServerEvent, { type: "alarm.cleared" | "alarm.raised" }>): void {
    const key = `${event.code} ${event.object ?? ""}`;
    if (event.type === "alarm.cleared") maps.alarms.delete(key);
    else {
      const { code, level, text, object = "", since = event.at ?? "" } = event;
      maps.alarms.set(key, { code, level, text, object, since });
    }
    touch("alarms");
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
    for (const [what, map] of Object.entries(maps)) {
      map.clear();
      changed.add(what as keyof typeof maps);
    }
    show();
  }

  function setDevice(value: string): void {
    device.value = value;
    localStorage.setItem("softswitch.monitor", value);
  }

  /** Listens to, whispers into, barges into, takes over or leaves a call. Raises MicrophoneError, RequestError or ApiError. */
  async function monitor(call: string, mode: MonitorMode): Promise<void> {
    changing.value = call;
    try {
      const atPhone = device.value !== "browser" && mode !== "off";
      if (!atPhone && mode !== "off") await media.ensure(SPEAKING_MODES.includes(mode));
      const where = device.value === "browser" ? {} : { device: device.value };
      const settled = await link.request("monitor.set", { call, mode, ...where });
      await settle(call, settled.mode);
    } finally {
      changing.value = "";
    }
  }

  /** Takes a call that waits or rings, at the own browser. */
  async function intercept(call: string): Promise<void> {
    if (device.value === "browser") await media.ensure();
    await link.request("call.intercept", { call, device: device.value });
    await settle(call, "take_over");
  }

  async function forceState(login: string, state: string, reason: string): Promise<void> {
    takeAgent(await rest.forceState(login, state, reason));
  }

  async function acceptHelp(login: string): Promise<void> {
    if (device.value === "browser") await media.ensure();
    const watch = await centre.acceptHelp(login, device.value);
    takeHelp(login, "accepted");
    if (watch.call && watch.mode !== "off") await settle(watch.call, watch.mode);
  }

  const callOf = (id: string | null): Call | undefined => (id ? calls.value.find((call) => call.id === id) : undefined);
  const titleOf = (queue: string): string => queues.value.find(({ name }) => name === queue)?.title || queue;
  return {
    agents,
    queues,
    calls,
    trunks,
    alarms,
    helps,
    loaded,
    error,
    monitored,
    changing,
    device,
    setDevice,
    callOf,
    titleOf,
    signedIn: computed(() => agents.value.filter(({ state }) => state !== "logged_out").length),
    start,
    leave,
    retry: () => link.again(),
    monitor,
    intercept,
    forceState,
    acceptHelp,
  };
});
