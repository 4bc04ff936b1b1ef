import { describe, expect, it } from "vitest";

import type { Room } from "@/api/rooms";
import { placed } from "@/pages/conferences/live";

const room = (name: string, people = 0, declared = true): Room => ({
  name,
  title: "",
  number: "",
  declared,
  max_members: 30,
  locked: false,
  recording: false,
  members: Array.from({ length: people }, (_, index) => ({
    id: String(index),
    name: "web",
    caller_name: "",
    call: "c",
    role: "member",
    state: "inside",
    since: null,
    muted: false,
    talking: false,
  })),
});

describe("rooms", () => {
  it("stand first when people are in them", () => {
    const list = placed([room("a"), room("b")], room("b", 2));
    expect(list.map(({ name }) => name)).toEqual(["b", "a"]);
    expect(placed(list, room("b")).map(({ name }) => name)).toEqual(["a", "b"]);
  });

  it("that nobody declared are gone with the last", () => {
    const list = placed([room("a")], room("chat", 1, false));
    expect(list.map(({ name }) => name)).toEqual(["chat", "a"]);
    expect(placed(list, room("chat", 0, false)).map(({ name }) => name)).toEqual(["a"]);
  });
});
