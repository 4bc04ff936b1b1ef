import { describe, expect, it } from "vitest";

import { useList, type Batch } from "@/composables/list";
import { changesOf } from "@/pages/admin/words";

/** A server whose answers come when the test says so. */
function server() {
  const asked: { cursor: string; answer: (batch: Batch<string>) => void; fail: (problem: Error) => void }[] = [];
  const ask = (cursor: string): Promise<Batch<string>> => new Promise((answer, fail) => asked.push({ cursor, answer, fail }));
  return { asked, ask };
}

describe("a list", () => {
  it("goes on where the last batch ended", async () => {
    const { asked, ask } = server();
    const list = useList(ask);
    const first = list.load();
    asked[0]?.answer({ items: ["a", "b"], next: 7 });
    await first;
    expect([list.items, list.next, list.loading]).toEqual([["a", "b"], 7, false]);
    const second = list.more();
    expect(asked[1]?.cursor).toBe("7");
    asked[1]?.answer({ items: ["c"] });
    await second;
    expect([list.items, list.next]).toEqual([["a", "b", "c"], null]);
  });

  it("shows the answer to the last question, whichever comes first", async () => {
    const { asked, ask } = server();
    const list = useList(ask);
    const both = [list.load(), list.load()];
    asked[1]?.answer({ items: ["new"] });
    asked[0]?.answer({ items: ["old"] });
    await Promise.all(both);
    expect([list.items, list.loading]).toEqual([["new"], false]);
  });

  it("keeps its rows when the server cannot be asked, and says so", async () => {
    const { asked, ask } = server();
    const list = useList(ask);
    const first = list.load();
    asked[0]?.answer({ items: ["a"] });
    await first;
    const second = list.load();
    asked[1]?.fail(new Error("away"));
    await second;
    expect([list.items, (list.error as Error).message, list.loading]).toEqual([["a"], "away", false]);
    const third = list.load();
    asked[2]?.answer({ items: [] });
    await third;
    expect([list.items, list.error]).toEqual([[], null]);
  });
});

describe("an entry of the audit trail", () => {
  it("tells each change as before and after", () => {
    const detail = { fields: "teams mail", "before.teams": "[]", "after.teams": '["one"]', "after.mail": "a@b.example" };
    expect(changesOf({ action: "update", object: "user:wang", detail })).toBe("teams: – → one  mail: – → a@b.example");
  });

  it("tells what else is there, without deed and object", () => {
    expect(changesOf({ action: "create", object: "list:7", detail: { kind: "vip", pattern: "138*", reason: "" } })).toBe("kind: vip  pattern: 138*");
    expect(changesOf({ action: "create", object: "queue:sales" })).toBe("");
    expect(changesOf({ reason: "asked for" })).toBe("reason: asked for");
  });
});
