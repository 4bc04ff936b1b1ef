import { createPinia } from "pinia";
import { afterEach, describe, expect, it, vi } from "vitest";
import { createApp, nextTick } from "vue";

import type { Ladder, LadderMessage } from "@/api/records";
import { i18n } from "@/i18n";
import { arrowOf, happened, laneOf, rowsOf, toneOf } from "@/pages/history/ladder";
import LadderPart from "@/pages/history/LadderPart.vue";

const AT = "2026-03-04T12:00:00Z";
const { t, te, locale } = i18n.global;
const words = { t: (key: string, values: Record<string, unknown> = {}) => t(key, values), te: (key: string) => te(key) };
const said = (number: number, ms: number, source: string, target: string, status = 0, summary = "INVITE"): LadderMessage => ({
  number, ms, source, target, status, summary, at: AT, transport: "udp", first_line: `${summary} sip:x`, method: "INVITE", repeat: false, sdp: [], text: `text ${number}`,
});
const LADDER: Ladder = {
  call: "c1", kept: "kept", dropped: 0, began: AT,
  parties: [
    { id: "p1", role: "caller", kind: "trunk", name: "carrier", address: "192.0.2.1:5060", transport: "udp", leg: null },
    { id: "switch", role: "switch", kind: "switch", name: "", address: "", transport: "", leg: null },
    { id: "p2", role: "callee", kind: "browser", name: "li", address: "", transport: "", leg: "l2" },
  ],
  messages: [said(1, 0, "p1", "switch"), said(2, 5, "switch", "p1", 100, "100 Trying"), said(3, 900, "switch", "p1", 488, "488")],
  events: [{ at: AT, ms: 5, party: "p2", kind: "one_way", values: { why: "no_packets", detail: "" } }],
  verdicts: [{ rule: "no_packets", level: "fault", at: AT, party: "p2", text: { zh: "没有语音包", en: "No packets came" }, advice: { zh: "", en: "" } }],
};

describe("rows of a ladder", () => {
  it("are in order of time, a happening after its message", () => {
    expect(rowsOf(LADDER, false).map((row) => row.key)).toEqual(["m1", "m2", "e0", "m3"]);
    expect(rowsOf(LADDER, true).map((row) => row.key)).toEqual(["m1", "m2", "m3"]);
  });
  it("run between the middles of columns", () => {
    expect(laneOf(LADDER, "p1")).toBeCloseTo(100 / 6);
    expect(laneOf(LADDER, "nobody")).toBeCloseTo(50);
    const [first, second] = LADDER.messages as [LadderMessage, LadderMessage];
    expect(arrowOf(LADDER, first)).toMatchObject({ toRight: true });
    expect(arrowOf(LADDER, second)).toMatchObject({ toRight: false, left: arrowOf(LADDER, first).left });
  });
  it("have the colour of their answer; a challenge is no fault", () => {
    expect([0, 180, 200, 302, 407, 486].map((status) => toneOf(said(1, 0, "p1", "switch", status)))).toEqual([
      "request", "progress", "good", "moved", "moved", "bad",
    ]);
  });
  it("say what happened in both languages, unknown things by name", () => {
    const event = LADDER.events[0] as Ladder["events"][number];
    locale.value = "en";
    expect(happened(event, words)).toBe("Not heard: no packets ");
    locale.value = "zh-CN";
    expect(happened(event, words)).toContain("没有语音包");
    expect(happened({ ...event, kind: "moon" }, words)).toBe("moon");
  });
});

async function shown(answer: () => Promise<Response>): Promise<HTMLElement> {
  vi.stubGlobal("fetch", vi.fn(answer));
  locale.value = "en";
  const root = document.createElement("div");
  document.body.append(root);
  createApp(LadderPart, { call: "c1" }).use(createPinia()).use(i18n).mount(root);
  for (let turn = 0; turn < 10; turn++) {
    await new Promise((done) => setTimeout(done, 0));
    await nextTick();
  }
  return root;
}

const json = (value: unknown, status = 200): Response =>
  new Response(JSON.stringify(value), { status, headers: { "content-type": "application/json" } });
const all = (root: HTMLElement, id: string): HTMLElement[] => [...root.querySelectorAll<HTMLElement>(`[data-testid=${id}]`)];

describe("the part of the call page", () => {
  afterEach(() => {
    document.body.innerHTML = "";
    vi.unstubAllGlobals();
  });
  it("shows verdicts, columns, arrows, and the text of the one that is opened", async () => {
    const root = await shown(async () => json(LADDER));
    expect(all(root, "verdict").map((one) => one.textContent)).toEqual(["FaultNo packets came"]);
    expect(all(root, "ladder-party").map((one) => one.querySelector("strong")?.textContent)).toEqual(["Trunk carrier", "Switch", "Browser li"]);
    const [first, second] = all(root, "ladder-message") as [HTMLElement, HTMLElement];
    expect(first.getAttribute("aria-label")).toBe("+0.000 s, from Trunk carrier to Switch: INVITE");
    first.click();
    await nextTick();
    expect(all(root, "ladder-text")[0]?.textContent).toContain("text 1");
    first.focus();
    first.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowDown", bubbles: true }));
    expect(document.activeElement).toBe(second);
  });
  it("says that nothing is kept", async () => {
    const root = await shown(async () => json({ ...LADDER, kept: "none", messages: [], events: [], verdicts: [] }));
    expect(root.textContent).toContain("Nothing was kept");
  });
  it("says that the server refused", async () => {
    const root = await shown(async () => json({ title: "Forbidden", status: 403, detail: "no" }, 403));
    expect(all(root, "ladder-message")).toEqual([]);
    expect(root.querySelector("button")).not.toBeNull();
  });
});
