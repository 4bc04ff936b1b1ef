/** Timeline events in human words: which sentence, with which values, and which ones only a technician wants. */

import type { TimelineEvent } from "@/api/types";
import { duration } from "@/composables/format";

type Translate = (key: string, values?: Record<string, unknown>) => string;

export interface Words {
  t: Translate;
  /** Does the key exist in this language? */
  te: (key: string) => boolean;
}

/** Steps that explain the switch rather than the conversation. */
const TECHNICAL = new Set([
  "call.progress",
  "leg.started",
  "leg.ended",
  "leg.media",
  "media.secured",
  "leg.quality",
  "ivr.node",
  "queue.announced",
  "acd.decision",
  "offer.ringing",
  "agent.state",
  "ivr.prompt_missing",
  "ivr.lookup",
  "queue.prediction",
  "queue.relaxed",
  "customer.popped",
  "call.data",
]);

export const isTechnical = (event: TimelineEvent): boolean =>
  TECHNICAL.has(event.type) && !(event.type === "leg.quality" && event["one_way"]);

/** Events whose sentence depends on one of their fields. */
const VARIANT: Record<string, string> = {
  "call.answered": "party",
  "queue.left": "result",
  "offer.failed": "reason",
  "rec.accessed": "how",
  "ivr.auth": "ok",
  "call.unparked": "result",
  "call.consult_ended": "result",
  "agent.help": "state",
};

/** How a party was heard; or why it is not: a technician's line until somebody hears nothing. */
function quality(event: TimelineEvent, words: Words): string {
  const { t } = words;
  const party = word(words, "timeline.legParty", event["party"]);
  const known = (key: string): number => (typeof event[key] === "number" ? event[key] : -1);
  const cause = event["one_way"]
    ? t(`timeline.oneWay.${text(event["one_way"])}`, { party, codec: text(event["codec"]), detail: text(event["one_way_detail"]) })
    : "";
  if (event["final"] === false) return cause ? t("timeline.notHeard", { cause }) : t("timeline.heardAgain", { party });
  const parts = [known("mos") >= 1 ? `MOS ${known("mos").toFixed(1)}` : "", text(event["codec"])];
  parts.push(t("timeline.lineFigures", { lost: text(event["lost"]), jitter: known("jitter_ms").toFixed(1) }));
  parts.push(known("round_trip_ms") >= 0 ? t("timeline.roundTrip", { ms: known("round_trip_ms").toFixed(0) }) : "", cause);
  return t("timeline.legQuality", { party, figures: parts.filter(Boolean).join(", ") });
}

const text = (value: unknown): string => (["string", "number", "boolean"].includes(typeof value) ? String(value) : "");
const list = (value: unknown): string => (Array.isArray(value) ? value.map(text).join(", ") : "");
const milliseconds = (value: unknown): string => duration(typeof value === "number" ? value : 0);

function word({ t, te }: Words, group: string, value: unknown): string {
  const key = `${group}.${text(value)}`;
  return value && te(key) ? t(key) : text(value);
}

/** `agent:li` → `li`, `flow:main` → "Menu main", `web` → "Web visitor"; a number as it is. */
function party({ t, te }: Words, value: unknown): string {
  const [, kind = "", name = ""] = /^(\w+):(.+)$/.exec(text(value)) ?? [];
  if (kind && te(`destination.${kind}`)) return t(`destination.${kind}`, { name });
  if (kind === "agent") return name;
  return text(value) === "web" ? t("common.webVisitor") : text(value);
}

/** Fields as they stand, and those that need translating or counting. */
function values(event: TimelineEvent, words: Words): Record<string, string> {
  const plain = Object.fromEntries(Object.entries(event).map(([key, value]) => [key, text(value)]));
  return {
    ...plain,
    name: text(event["name"]) || text(event["node"]),
    caller: party(words, event["caller"]),
    called: party(words, event["called"]),
    other: party(words, event["other"]),
    target: party(words, event["target"]),
    member: party(words, event["member"]),
    who: word(words, "history.who", event["who"]),
    cause: word(words, "cause", event["cause"]),
    mode: word(words, "timeline.monitorMode", event["mode"]),
    new: word(words, "state", event["new"]),
    state: word(words, "state", event["state"]),
    status: word(words, "history.recordingStatus", event["status"]),
    wait: milliseconds(event["wait_ms"]),
    ring: milliseconds(event["ring_ms"]),
    took: milliseconds(event["ms"]),
    length: milliseconds(event["duration_ms"]),
    codes: list(event["codes"]),
    fields: list(event["fields"]),
    marks: Object.values((event["marks"] ?? {}) as Record<string, unknown>)
      .map(text)
      .join(", "),
    count: String(Array.isArray(event["candidates"]) ? event["candidates"].length : 0),
  };
}

/** The sentence for an event; an unknown type is shown by its name rather than hidden. */
export function describe(event: TimelineEvent, words: Words): string {
  if (event.type === "leg.quality") return quality(event, words);
  const base = `timeline.${event.type.replace(".", "_")}`;
  const variant = VARIANT[event.type];
  const key = variant ? `${base}.${text(event[variant])}` : base;
  return words.te(key) ? words.t(key, values(event, words)) : words.t("timeline.other", { type: event.type });
}
