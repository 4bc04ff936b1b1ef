import { createPinia, setActivePinia } from "pinia";
import { beforeEach, describe, expect, it, vi } from "vitest";

import type { Agent, Participant, ParticipantRole, Queue, ServerEvent } from "@/api/types";
import { visible } from "@/composables/virtual";
import { narrowed } from "@/pages/supervisor/filters";
import { takenOver } from "@/pages/supervisor/takenOver";
import { above, level, longestMs, stateTone, totals } from "@/pages/supervisor/thresholds";
import { FLUSH_MS, useBoard } from "@/stores/board";
import { useLink } from "@/stores/link";

const NOON = Date.parse("2026-03-04T12:00:00Z");
const ago = (seconds: number): string => new Date(NOON - seconds * 1000).toISOString();

const agent = (login: string, more: Partial<Agent> = {}): Agent => ({
  login,
  name: login,
  state: "ready",
  reason: "",
  since: ago(60),
  queues: ["sales"],
  station: "browser",
  call: null,
  pending: "",
  reachable: true,
  language: "zh-CN",
  calls_today: 0,
  ...more,
});

const queue = (name: string, more: Partial<Queue> = {}): Queue => ({
  name,
  strategy: "longest_idle",
  waiting: 0,
  longest_wait_ms: 0,
  calls: [],
  agents: {},
  offered: 0,
  answered: 0,
  abandoned: 0,
  service_level: null,
  ...more,
});

describe("visible rows", () => {
  it.each([
    [500, 0, 480, [0, 16]],
    [500, 24_000 - 480, 480, [484, 500]],
    [3, 0, 480, [0, 3]],
    [0, 0, 480, [0, 0]],
  ])("of %i at %i px", (count, top, height, range) => expect(visible(count, 48, top, height)).toEqual(range));

  it("stay within the list when it became shorter than the scroll position", () => {
    const [from, to] = visible(5, 48, 20_000, 480);
    expect(to).toBe(5);
    expect(from).toBeLessThan(5);
  });
});

describe("colours", () => {
  it.each([
    [29, ""],
    [30, "amber"],
    [90, "red"],
    [null, ""],
  ])("of %s against 30 and 90", (value, tone) => expect(above(value, [30, 90])).toBe(tone));

  it("turn red ten points below the goal", () => {
    expect([level(0.8, 0.8), level(0.75, 0.8), level(0.65, 0.8), level(null, 0.8)]).toEqual(["", "amber", "red", ""]);
  });

  it("tell of states that last too long", () => {
    expect(stateTone(agent("li", { state: "wrap_up", since: ago(400) }), NOON)).toBe("red");
    expect(stateTone(agent("li", { state: "ready", since: ago(4000) }), NOON)).toBe("");
  });
});

describe("the sum of all queues", () => {
  it("weighs the service level by offered calls, and counts the longest wait from the calls", () => {
    const waiting = [{ call: "c1", caller: "138", since: ago(50), position: 1, state: "waiting" as const }];
    const queues = [
      queue("sales", { waiting: 1, calls: waiting, offered: 90, answered: 80, abandoned: 5, service_level: 0.9 }),
      queue("service", { offered: 10, answered: 5, abandoned: 5, service_level: 0.4 }),
      queue("night", {}),
    ];
    const sum = totals(queues, NOON);
    expect(sum).toMatchObject({ waiting: 1, longestMs: 50_000, offered: 100, answered: 85, abandoned: 10 });
    expect(sum.serviceLevel).toBeCloseTo(0.85);
    expect(totals([queue("night")], NOON).serviceLevel).toBeNull();
    expect(longestMs(queue("old", { waiting: 2, longest_wait_ms: 7000 }), NOON)).toBe(7000);
  });
});

describe("the filter of agents", () => {
  const team = [
    agent("li", { name: "李静", team: "一组" }),
    agent("wu", { name: "吴强", team: "二组", state: "holding", queues: ["service"] }),
    agent("chen", { name: "Chen", team: "二组", state: "logged_out" }),
  ];
  const found = (wanted: Partial<Parameters<typeof narrowed>[1]>): string[] =>
    narrowed(team, { text: "", team: "", state: "", queue: "", ...wanted }).map(({ login }) => login);

  it.each([
    [{ text: "CHEN" }, ["chen"]],
    [{ text: "静" }, ["li"]],
    [{ team: "二组", state: "present" }, ["wu"]],
    [{ state: "busy" }, ["wu"]],
    [{ queue: "service" }, ["wu"]],
    [{ state: "away" }, []],
  ])("%o", (wanted, logins) => expect(found(wanted)).toEqual(logins));
});

describe("the board", () => {
  let tell: (event: ServerEvent) => void = () => undefined;

  beforeEach(() => {
    vi.useFakeTimers({ now: NOON });
    setActivePinia(createPinia());
    vi.spyOn(useLink(), "subscribe").mockImplementation((subscriber) => {
      subscriber.snapshot({ agents: [agent("li"), agent("wu", { state: "logged_out" })], queues: [], calls: [], trunks: [] }, false);
      tell = subscriber.event;
      return () => true;
    });
  });

  it("shows a flood of events at once, five times a second", () => {
    const board = useBoard();
    board.start();
    const before = board.agents;
    for (let i = 0; i < 300; i++) tell({ type: "board.agent", agent: agent(`a${i}`) });
    expect(board.agents).toBe(before);
    vi.advanceTimersByTime(FLUSH_MS);
    expect(board.agents.length).toBe(302);
    expect(board.agents.at(-1)?.login).toBe("wu");
    vi.useRealTimers();
  });

  it("keeps requests for help until somebody comes", () => {
    const board = useBoard();
    board.start();
    tell({ type: "help", agent: "li", state: "asked" });
    vi.advanceTimersByTime(FLUSH_MS);
    expect(board.helps.map(({ login }) => login)).toEqual(["li"]);
    tell({ type: "help", agent: "li", state: "accepted" });
    vi.advanceTimersByTime(FLUSH_MS);
    expect(board.helps).toEqual([]);
    vi.useRealTimers();
  });

  it("tells two alarms of one kind apart by what they are about", () => {
    const board = useBoard();
    board.start();
    for (const object of ["carrier", "backup"]) tell({ type: "alarm.raised", code: "trunk_down", level: "major", text: object, object });
    tell({ type: "alarm.cleared", code: "trunk_down", object: "carrier" });
    vi.advanceTimersByTime(FLUSH_MS);
    expect(board.alarms.map(({ object }) => object)).toEqual(["backup"]);
    vi.useRealTimers();
  });
});

describe("a call that was taken over", () => {
  const party = (role: ParticipantRole, state: Participant["state"] = "talking"): Participant => ({
    id: role,
    party: role,
    role,
    state,
    since: ago(5),
  });

  it("can be held and handed over while two talk", () => {
    expect(takenOver({ participants: [party("customer"), party("agent")] })).toEqual({ consulted: null, held: false, several: false });
    expect(takenOver({ participants: [party("customer", "held"), party("agent")] }).held).toBe(true);
  });

  it("is consulted about from the first ring, and the customer's hold is part of that", () => {
    const asked = party("consulted", "ringing");
    const state = takenOver({ participants: [party("customer", "held"), party("agent"), asked] });
    expect(state).toEqual({ consulted: asked, held: false, several: false });
  });

  it("goes nowhere while more than two talk", () => {
    expect(takenOver({ participants: [party("customer"), party("agent"), party("member")] }).several).toBe(true);
  });
});
