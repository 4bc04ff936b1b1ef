import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { effectScope } from "vue";

import { elapsedMs, learnServerTime, serverNow, useNow } from "@/composables/clock";
import { bytes, duration, share, shortTime } from "@/composables/format";
import { matchShortcut } from "@/composables/shortcuts";

const NOON = Date.parse("2026-03-04T12:00:00Z");

describe("the clock", () => {
  beforeEach(() => vi.useFakeTimers({ now: NOON }));
  afterEach(() => {
    learnServerTime(new Date().toUTCString());
    vi.useRealTimers();
  });

  it("ticks for all who look, and stops when nobody does", () => {
    const scope = effectScope();
    const now = scope.run(() => useNow());
    vi.advanceTimersByTime(3000);
    expect(now?.value).toBe(NOON + 3000);
    scope.stop();
    expect(vi.getTimerCount()).toBe(0);
  });

  it("follows the server's clock when this computer's is wrong", () => {
    learnServerTime(new Date(NOON + 90_000).toUTCString());
    expect(serverNow()).toBe(NOON + 90_000);
  });

  it("does not follow the rounding of a Date header", () => {
    learnServerTime(new Date(NOON - 1000).toUTCString());
    expect(serverNow()).toBe(NOON);
  });

  it.each([
    ["2026-03-04T11:59:30Z", 30_000],
    ["2026-03-04T12:00:05Z", 0],
    [null, 0],
    ["nonsense", 0],
  ])("elapsed since %s", (since, expected) => expect(elapsedMs(since, NOON)).toBe(expected));
});

describe("format", () => {
  it.each([
    [0, "0:00"],
    [7_999, "0:07"],
    [754_000, "12:34"],
    [3_723_000, "1:02:03"],
    [-5, "0:00"],
  ])("duration %i", (ms, text) => expect(duration(ms)).toBe(text));

  it.each([
    [999, "999 B"],
    [3_000_000, "3.0 MB"],
    [412_000_000_000, "412.0 GB"],
  ])("bytes %i", (count, text) => expect(bytes(count)).toBe(text));

  it("writes a missing service level as a dash, not as zero", () => {
    expect([share(null), share(0), share(0.874)]).toEqual(["–", "0 %", "87 %"]);
  });

  it("leaves out the date of today", () => {
    const today = new Date(2026, 2, 4, 9, 5).toISOString();
    const before = new Date(2026, 2, 3, 9, 5).toISOString();
    const now = new Date(2026, 2, 4, 18).getTime();
    expect([shortTime(today, now), shortTime(before, now)]).toEqual(["09:05", "03-03 09:05"]);
  });
});

describe("shortcuts", () => {
  const answer = (): boolean => true;
  const key = (code: string, held: Partial<KeyboardEvent> = {}) => ({ altKey: true, ctrlKey: false, metaKey: false, code, ...held });

  it("go by the key's place, so that Option+A on a Mac works", () => expect(matchShortcut(key("KeyA"), { A: answer })).toBe(answer));
  it("need Alt", () => expect(matchShortcut(key("KeyA", { altKey: false }), { A: answer })).toBeUndefined());
  it("leave AltGr letters alone", () => expect(matchShortcut(key("KeyA", { ctrlKey: true }), { A: answer })).toBeUndefined());
});
