/** What lies on the agent's desk beside the call: waiting calls of the own queues, callbacks to do, messages, parked callers. */

import { defineStore } from "pinia";
import { computed, ref, shallowRef } from "vue";

import { centre } from "@/api/centre";
import type { Callback } from "@/api/records";
import { ApiError, rest } from "@/api/rest";
import type { Message, Queue, ServerEvent, WaitingCall } from "@/api/types";

import { useAgent } from "./agent";
import { useLink } from "./link";

export interface Waiting extends WaitingCall {
  queue: string;
}

export interface Received extends Message {
  read: boolean;
}

const HTTP_FORBIDDEN = 403;
const KEPT_MESSAGES = 50;

export const useDesk = defineStore("desk", () => {
  const link = useLink();
  const seat = useAgent();
  const queues = shallowRef<Queue[] | null>(null);
  const queuesError = ref<unknown>(null);
  const callbacks = shallowRef<Callback[] | null>(null);
  const callbacksError = ref<unknown>(null);
  /** Newest first. */
  const messages = ref<Received[]>([]);
  const slots = ref<{ slot: string; who: string; since: string }[]>([]);
  let stop: (() => void) | null = null;

  const unread = computed(() => messages.value.filter(({ read }) => !read).length);

  const waiting = computed<Waiting[]>(() =>
    (queues.value ?? [])
      .filter(({ name }) => seat.agent?.queues.includes(name))
      .flatMap((queue) => queue.calls.map((call) => ({ ...call, queue: queue.name })))
      .sort((one, other) => one.since.localeCompare(other.since)),
  );

  /** Own ones, and those of the own queues that nobody has yet. */
  const todo = computed(() =>
    (callbacks.value ?? []).filter(({ state, agent, queue }) => {
      const open = state === "waiting" || state === "scheduled" || state === "dialling";
      return open && (agent === seat.agent?.login || (!agent && (seat.agent?.queues.includes(queue) ?? false)));
    }),
  );

  /** Only the own queues: an agent may not see the others. */
  async function loadQueues(): Promise<void> {
    const names = seat.agent?.queues ?? [];
    try {
      queues.value = await Promise.all(names.map((name) => rest.queue(name)));
      queuesError.value = null;
    } catch (failure) {
      // Without the right there is simply nothing to pick.
      if (failure instanceof ApiError && failure.status === HTTP_FORBIDDEN) queues.value = [];
      else queuesError.value = failure;
    }
  }

  async function loadCallbacks(): Promise<void> {
    try {
      callbacks.value = (await centre.callbacks({})).items;
      callbacksError.value = null;
    } catch (failure) {
      if (failure instanceof ApiError && failure.status === HTTP_FORBIDDEN) callbacks.value = [];
      else callbacksError.value = failure;
    }
  }

  function take(event: ServerEvent): void {
    if (event.type === "agent.message") {
      const { from, text, at } = event;
      messages.value = [{ from, text, at, read: false }, ...messages.value].slice(0, KEPT_MESSAGES);
    } else if (event.type === "callback.due") void loadCallbacks();
  }

  function start(): void {
    stop ??= link.listen(take);
  }

  function leave(): void {
    stop?.();
    stop = null;
    queues.value = null;
    callbacks.value = null;
    messages.value = [];
    slots.value = [];
  }

  const readAll = (): void => {
    for (const message of messages.value) message.read = true;
  };

  function parked(slot: string, who: string, since: string): void {
    slots.value = [...slots.value.filter((one) => one.slot !== slot), { slot, who, since }];
  }

  const freed = (slot: string): void => {
    slots.value = slots.value.filter((one) => one.slot !== slot);
  };

  return {
    queues,
    queuesError,
    waiting,
    callbacks,
    callbacksError,
    todo,
    messages,
    unread,
    slots,
    start,
    leave,
    loadQueues,
    loadCallbacks,
    readAll,
    parked,
    freed,
  };
});
