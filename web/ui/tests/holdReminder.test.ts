import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { createApp, nextTick } from "vue";

import { i18n } from "@/i18n";
import { beep } from "@/media/audio";
import HoldReminder from "@/pages/agent/HoldReminder.vue";

vi.mock("@/media/audio", () => ({ beep: vi.fn() }));

beforeEach(() => void vi.useFakeTimers({ now: Date.parse("2026-01-02T03:00:00Z") }));
afterEach(() => void vi.useRealTimers());

async function pass(ms: number): Promise<void> {
  vi.advanceTimersByTime(ms);
  await nextTick();
}

it("who is left on hold is remembered after a minute, and each minute again", async () => {
  const place = document.createElement("div");
  const app = createApp(HoldReminder, { since: "2026-01-02T03:00:00Z" }).use(i18n);
  app.mount(place);
  await pass(59_000);
  expect(place.textContent).toBe("");
  await pass(2_000);
  expect(place.querySelector("[role=alert]")?.textContent).toContain("1:00");
  expect(beep).toHaveBeenCalledTimes(1);
  await pass(60_000);
  expect(place.querySelector("[aria-hidden]")?.textContent).toContain("2:01");
  expect(beep).toHaveBeenCalledTimes(2);
  app.unmount();
});
