/** The tab's WebSocket as seen by pages: its state, and the topics somebody has asked for. */

import { defineStore } from "pinia";
import { ref, shallowRef } from "vue";

import { ApiError, rest } from "@/api/rest";
import { ServerSocket, socketUrl, tabResumeStore, type LinkStatus } from "@/api/socket";
import { tabSession } from "@/api/tab";
import type { AgentSnapshot, BoardSnapshot, Requests, ServerEvent, Topic } from "@/api/types";

import { useSession } from "./session";

export type Snapshot = Partial<AgentSnapshot & BoardSnapshot>;

interface Subscriber {
  topics: Topic[];
  /** The whole state; called after every (re)connection. `fresh` when the server could not resume: media must be negotiated anew. */
  snapshot: (snapshot: Snapshot, fresh: boolean) => void;
  event: (event: ServerEvent) => void;
  /** The snapshot could not be had. */
  failed: (error: unknown) => void;
}

async function stillSignedIn(): Promise<boolean> {
  try {
    await rest.session();
    return true;
  } catch (error) {
    return !(error instanceof ApiError) || error.status !== 401;
  }
}

export const useLink = defineStore("link", () => {
  const status = shallowRef<LinkStatus>({ phase: "closed" });
  /** True from the first drop until the connection is back. */
  const interrupted = ref(false);
  const person = useSession();
  const subscribers = new Set<Subscriber>();
  const listeners = new Set<(event: ServerEvent) => void>();
  const socket = new ServerSocket({
    url: socketUrl(),
    session: tabSession,
    open: (url) => new WebSocket(url),
    store: tabResumeStore,
    now: Date.now,
    jitter: Math.random,
    stillSignedIn,
  });

  const topics = (): Topic[] => [...new Set([...subscribers].flatMap((subscriber) => subscriber.topics))];

  /** One request for the union of all topics: a subscription replaces the one before. */
  async function refresh(fresh: boolean): Promise<void> {
    const current = [...subscribers];
    if (current.length === 0) return;
    try {
      const snapshot = await socket.request("subscribe", { topics: topics() });
      for (const subscriber of current) subscriber.snapshot(snapshot, fresh);
    } catch (error) {
      for (const subscriber of current) subscriber.failed(error);
    }
  }

  socket.onStatus((next) => {
    status.value = next;
    if (next.phase === "waiting") interrupted.value = true;
    if (next.phase === "open") {
      interrupted.value = false;
      void refresh(false);
    }
  });
  socket.onEvent((event) => {
    // Never act in another person's name, whatever the browser did with its cookies.
    if (event.type === "hello" && event.session.login !== person.session?.login) {
      person.lose();
      return;
    }
    for (const listener of listeners) listener(event);
    if (event.type === "resync") void refresh(true);
    else for (const subscriber of subscribers) subscriber.event(event);
  });
  window.addEventListener("online", () => {
    socket.renew();
  });

  /** Keeps `subscriber` up to date until the returned function is called; connects when needed. */
  function subscribe(subscriber: Subscriber): () => void {
    subscribers.add(subscriber);
    if (socket.status.phase === "open") void refresh(false);
    else if (socket.status.phase === "closed") socket.connect();
    return () => subscribers.delete(subscriber);
  }

  /** Hears all events without asking for a topic of its own. */
  function listen(listener: (event: ServerEvent) => void): () => void {
    listeners.add(listener);
    return () => listeners.delete(listener);
  }

  /** Asks for the snapshot again. */
  function again(): void {
    if (socket.status.phase === "open") void refresh(false);
    else socket.connect();
  }

  const request = <T extends keyof Requests>(type: T, body: Requests[T]["ask"]): Promise<Requests[T]["ok"]> =>
    socket.request(type, body);

  return { status, interrupted, topics, subscribe, listen, again, request, connect: () => socket.connect(), close: () => socket.close() };
});
