/** What lies on the agent's desk beside the call: waiting calls of the own queues, callbacks to do, messages, parked callers. */

import { defineStore } from "pinia";
import { computed, ref, shallowRef } from "vue";

import { centre } from "@/api/centre";
import type { Callback } from "@/api/records";
import { ApiError } from "@/api/rest";
import type { Message, ServerEvent, WaitingCall } from "@/api/types";

import { useAgent } from "./agent";
import { useLink } from "./link";

export interface Waiting extends WaitingCall {
  queue: string;
}

export interface Received extends Message {
  read: boolean;
}

/** No right, or no such list at this server. */
const NOT_FOR_ME: readonly number[] = [403, 404];
const KEPT_MESSAGES = 50;

export const useDesk = defineStore("desk", () => {
  const link = useLink();
  const seat = useAgent();
  /** In the order they are served; null until asked. */
  const waiting = shallowRef<Waiting[] | null>(null);
  const waitingError = ref<unknown>(null);
  const callbacks = shallowRef<Callback[] | null>(null);
  const callbacksError = ref<unknown>(null);
  /** Newest first. */
  const messages = ref<Received[]>([]);
  const slots = ref<{ slot: string; who: string; since: string }[]>([]);
  let stop: (() => void) | null = null;

  const unread = computed(() => messages.value.filter(({ read }) => !read).length);

  /** Own ones, and those of the own queues that nobody has yet. */
  const todo = computed(() =>
    (callbacks.value ?? []).filter(({ state, agent, queue }) => {
      const open = state === "waiting" || state === "scheduled" || state === "dialling";
      return open && (agent === seat.agent?.login || (!agent && (seat.agent?.queues.includes(queue) ?? false)));
    }),
  );

  async function loadWaiting(): Promise<void> {
    try {
      waiting.value = await centre.waiting();
      waitingError.value = null;
    } catch (failure) {
      // Without the right there is simply nobody to take.
      if (failure instanceof ApiError && NOT_FOR_ME.includes(failure.status)) waiting.value = [];
      else waitingError.value = failure;
    }
  }

  /** Everybody's: parked at a page, by a phone's transfer or code, or by a program. */
  async function loadSlots(): Promise<void> {
    try {
      slots.value = (await centre.parked()).map((one) => ({ slot: one.slot, who: one.caller_name || one.caller, since: one.since }));
    } catch (failure) {
      // What this page has parked itself stays known.
      if (!(failure instanceof ApiError)) throw failure;
    }
  }

  async function loadCallbacks(): Promise<void> {
    try {
      callbacks.value = (await centre.callbacks({ state: "open" })).items;
      callbacksError.value = null;
    } catch (failure) {
      if (failure instanceof ApiError && NOT_FOR_ME.includes(failure.status)) callbacks.value = [];
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
    waiting.value = null;
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
    waiting,
    waitingError,
    callbacks,
    callbacksError,
    todo,
    messages,
    unread,
    slots,
    start,
    leave,
    loadWaiting,
    loadSlots,
    loadCallbacks,
    readAll,
    parked,
    freed,
  };
});
