import { describe, expect, it } from "vitest";

import type { TimelineEvent } from "@/api/types";
import { i18n } from "@/i18n";
import { mistakeOf, wordsOf } from "@/pages/admin/words";
import { describe as sentence, isTechnical } from "@/pages/history/timeline";

const AT = "2026-03-04T12:00:00Z";
const { t, te, locale } = i18n.global;
const words = { t: (key: string, values: Record<string, unknown> = {}) => t(key, values), te: (key: string) => te(key) };

function inBoth(event: TimelineEvent): [string, string] {
  locale.value = "en";
  const english = sentence(event, words);
  locale.value = "zh-CN";
  return [english, sentence(event, words)];
}

describe("timeline sentences", () => {
  it.each<[TimelineEvent, string, string]>([
    [
      { type: "call.ended", at: AT, who: "caller", cause: "busy", q850: 17 },
      "Ended by Caller: The called party is busy",
      "主叫结束通话\uff1a被叫忙",
    ],
    [
      { type: "queue.left", at: AT, result: "answered", wait_ms: 17_900 },
      "Left the queue to an agent after 0:17",
      "等待 0:17 后分配给座席",
    ],
    [{ type: "offer.failed", at: AT, agent: "li", reason: "no_answer" }, "li did not answer", "li 未应答"],
    [{ type: "sup.mode", at: AT, actor: "wang", mode: "whisper" }, "wang switched to whisper", "wang 切换为耳语"],
    [{ type: "agent.state", at: AT, agent: "li", new: "wrap_up" }, "li: Wrap-up", "li\uff1a话后处理"],
  ])("%o", (event, english, chinese) => expect(inBoth(event)).toEqual([english, chinese]));

  it("shows an unknown event by its name", () => expect(inBoth({ type: "moon.risen", at: AT })).toEqual(["moon.risen", "moon.risen"]));
  it("keeps conversation steps and hides the machine's", () => {
    expect(["call.ended", "offer.made", "leg.media", "acd.decision"].map((type) => isTechnical({ type, at: AT }))).toEqual([
      false,
      false,
      true,
      true,
    ]);
  });
});

describe("words of the apply file", () => {
  it("find the line of a mistake", () => {
    expect(mistakeOf('body:12: trunk[2].addresses: expected "host", got 5060')).toEqual({
      line: 12,
      text: 'trunk[2].addresses: expected "host", got 5060',
    });
    expect(mistakeOf({ line: 3, message: "no such flow" })).toEqual({ line: 3, text: "message: no such flow" });
    expect(mistakeOf("flow main has no start")).toEqual({ line: null, text: "flow main has no start" });
  });
  it("read objects as one line", () => expect(wordsOf({ action: "create", object: "queue", name: "" })).toBe("action: create  object: queue"));
});
