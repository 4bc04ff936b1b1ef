/** The ladder as rows: messages and happenings in one order, each with its place between the columns. */

import type { Ladder, LadderEvent, LadderMessage } from "@/api/records";

import type { Words } from "./timeline";

export interface Row {
  key: string;
  at: string;
  ms: number;
  message: LadderMessage | null;
  event: LadderEvent | null;
}

/** Messages and happenings by time; a happening comes after the message that brought it. */
export function rowsOf(ladder: Ladder, onlyMessages: boolean): Row[] {
  const messages = ladder.messages.map((message) => ({ key: `m${message.number}`, at: message.at, ms: message.ms, message, event: null }));
  const events = onlyMessages
    ? []
    : ladder.events.map((event, index) => ({ key: `e${index}`, at: event.at, ms: event.ms, message: null, event }));
  return [...messages, ...events].sort((one, other) => one.ms - other.ms || Number(one.message === null) - Number(other.message === null));
}

/** The middle of a party's column in percent of the width; an unknown party stands at the switch. */
export function laneOf(ladder: Ladder, party: string): number {
  const found = ladder.parties.findIndex((one) => one.id === party);
  const place = found < 0 ? ladder.parties.findIndex((one) => one.role === "switch") : found;
  return ((Math.max(0, place) + 0.5) / Math.max(1, ladder.parties.length)) * 100;
}

export interface Arrow {
  left: number;
  width: number;
  toRight: boolean;
}

export function arrowOf(ladder: Ladder, message: LadderMessage): Arrow {
  const [from, to] = [laneOf(ladder, message.source), laneOf(ladder, message.target)];
  return { left: Math.min(from, to), width: Math.abs(to - from), toRight: to >= from };
}

export type Tone = "request" | "progress" | "good" | "moved" | "bad";

/** By the hundreds of the status. A challenge is no fault. */
export function toneOf({ status }: LadderMessage): Tone {
  if (status === 0) return "request";
  if (status < 200) return "progress";
  if (status < 300) return "good";
  return status < 400 || status === 401 || status === 407 ? "moved" : "bad";
}

/** A happening in words; an unknown one is shown by its name. */
export function happened(event: LadderEvent, { t, te }: Words): string {
  const key = `ladder.event.${event.kind}`;
  if (!te(key)) return event.kind;
  const values = { ...event.values } as Record<string, unknown>;
  const { why, cause, who, result } = event.values;
  const inWords = { why: `ladder.why.${why}`, cause: `cause.${cause}`, who: `history.who.${who}`, result: `ladder.result.${result}` };
  for (const [name, word] of Object.entries(inWords)) if (values[name] !== undefined && te(word)) values[name] = t(word);
  return t(key, values);
}
