import { beforeEach, describe, expect, it } from "vitest";

import type { Customer, CustomerField, Disposition } from "@/api/records";
import { titleIn } from "@/composables/words";
import { childrenOf, isLeaf, lineOf, needsNote, search } from "@/pages/agent/dispositions";
import { KEY_GROUPS } from "@/pages/agent/keys";
import { draftNote, keepNote } from "@/pages/agent/notes";
import { pathWords, proofOf, webAddress } from "@/pages/agent/pop";
import { asNumber, matching, type Target } from "@/pages/agent/targets";
import { draftOf, missing, numbersOf, toSend } from "@/pages/customers/draft";

const CODES: Disposition[] = [
  { code: "bill", title: "话费" },
  { code: "bill.wrong", title: "争议", parent: "bill", note_required: true },
  { code: "bill.wrong.data", title: "流量", parent: "bill.wrong" },
  { code: "bill.query", title: "查询", parent: "bill" },
  { code: "other", title: "其他" },
];
const word = ({ title = "" }: Disposition): string => title;

describe("result codes", () => {
  it("open level by level, within the queue's own top codes", () => {
    expect(childrenOf(CODES, "").map(({ code }) => code)).toEqual(["bill", "other"]);
    expect(childrenOf(CODES, "", ["other"]).map(({ code }) => code)).toEqual(["other"]);
    expect(childrenOf(CODES, "bill", ["other"]).map(({ code }) => code)).toEqual(["bill.wrong", "bill.query"]);
    expect([isLeaf(CODES, "bill"), isLeaf(CODES, "bill.query")]).toEqual([false, true]);
  });

  it("need a note when a level above asks for one", () => {
    expect(needsNote(CODES, ["bill.wrong.data"])).toBe(true);
    expect(needsNote(CODES, ["bill.query", "other"])).toBe(false);
  });

  it("are found by any word of their path, leaves only", () => {
    expect(search(CODES, "话费", [], word).map(({ code }) => code)).toEqual(["bill.wrong.data", "bill.query"]);
    expect(search(CODES, "WRONG", [], word).map(({ code }) => code)).toEqual(["bill.wrong.data"]);
    expect(search(CODES, "话费", ["other"], word)).toEqual([]);
  });

  it("do not loop when the tree does", () => {
    const loop: Disposition[] = [
      { code: "a", parent: "b" },
      { code: "b", parent: "a" },
    ];
    expect(lineOf(loop, "a").length).toBeLessThanOrEqual(3);
  });
});

describe("targets", () => {
  const targets: Target[] = [
    { kind: "queue", to: "queue:sales", name: "销售", detail: "sales", waiting: 2, ready: 1 },
    { kind: "agent", to: "agent:wu", name: "吴强", detail: "wu", state: "logged_out" },
    { kind: "agent", to: "agent:li", name: "李静", detail: "li", state: "ready" },
    { kind: "extension", to: "extension:1001", name: "前台", detail: "1001" },
  ];
  const to = (text: string, kind: Parameters<typeof matching>[2] = ""): string[] => matching(targets, text, kind).map((one) => one.to);

  it("put who can take the call first", () => expect(to("")).toEqual(["agent:li", "agent:wu", "queue:sales", "extension:1001"]));
  it("offer a typed number before everything that contains it", () => expect(to("1001")).toEqual(["1001", "extension:1001"]));
  it("keep to the chosen kind", () => expect([to("", "queue"), to("1001", "queue")]).toEqual([["queue:sales"], []]));
  it.each([
    ["138 0013 8000", "13800138000"],
    ["(020) 8765-4321", "02087654321"],
    ["+8613800138000", "+8613800138000"],
    ["*81", "*81"],
    ["li", ""],
    ["1", ""],
  ])("%s is the number %s", (text, number) => expect(asNumber(text)).toBe(number));
});

describe("the screen pop", () => {
  it("tells what the signature of a number has proved", () => {
    expect(proofOf({ verstat: "TN-Validation-Passed", attestation: "A" })).toEqual({ word: "passed", colour: "green", attestation: "A" });
    expect(proofOf({ verstat: "TN-Validation-Failed" })).toEqual({ word: "failed", colour: "red", attestation: "" });
    expect(proofOf({ verstat: "No-TN-Validation" })?.word).toBe("none");
    expect(proofOf({ verstat: "toString" })).toBeNull();
    expect(proofOf({})).toBeNull();
  });

  it("tells flow, node and key of each step", () => {
    expect(pathWords(["main/menu=1", "bill-query/pin"])).toEqual([
      { flow: "main", node: "menu", key: "1" },
      { flow: "bill-query", node: "pin", key: "" },
    ]);
  });

  it.each([
    ["https://crm.example/?n=138", "https://crm.example/?n=138"],
    ["javascript:alert(1)", ""],
    ["//crm.example", ""],
    ["", ""],
  ])("opens web addresses only: %s", (text, address) => expect(webAddress(text)).toBe(address));
});

describe("typed notes", () => {
  beforeEach(() => sessionStorage.clear());

  it("stay for their call until they were sent", () => {
    keepNote("c1", "三月账单");
    expect([draftNote("c1"), draftNote("c2")]).toEqual(["三月账单", ""]);
    keepNote("c1", "");
    expect(draftNote("c1")).toBe("");
  });
});

describe("hot keys", () => {
  it("are given once", () => {
    const letters = KEY_GROUPS.flatMap(({ keys }) => keys.map(([letter]) => letter));
    expect(new Set(letters).size).toBe(letters.length);
  });
});

describe("titles of the centre", () => {
  it.each([
    ["zh-CN", { code: "x", title: "小休", title_en: "Break" }, "小休"],
    ["en", { code: "x", title: "小休", title_en: "Break" }, "Break"],
    ["en", { code: "x", title: "小休" }, "小休"],
    ["en", { code: "x" }, "x"],
  ])("%s %o", (language, one, title) => expect(titleIn(language, one)).toBe(title));
});

describe("a customer's form", () => {
  const fields: CustomerField[] = [
    { name: "contract", required: true },
    { name: "floor", type: "number" },
    { name: "paper", type: "flag" },
  ];

  it("reads numbers however they are separated", () => {
    expect(numbersOf("138 0013 8000，020-8765 4321;13800138000")).toEqual(["13800138000", "02087654321"]);
  });

  it("is incomplete without name and required fields", () => {
    const draft = draftOf(null, "13800138000");
    expect(missing(draft, fields)).toEqual(["name", "contract"]);
    expect(missing({ ...draft, name: "陈", fields: { contract: "HT-1" } }, fields)).toEqual([]);
  });

  it("sends values in their types and keeps importance within 0 to 100", () => {
    const draft = { ...draftOf(null, "138"), name: " 陈 ", importance: 140, fields: { floor: "3", paper: "true", contract: "" } };
    const sent = toSend(draft, fields, false);
    expect([sent.name, sent.importance, sent.numbers]).toEqual(["陈", 100, ["138"]]);
    expect(sent.fields).toEqual({ floor: 3, paper: true, contract: null });
  });

  it("never writes masked numbers back", () => {
    const masked = { name: "林", numbers: ["139****2222"], fields: {} } as unknown as Customer;
    expect(toSend(draftOf(masked), fields, true).numbers).toBeUndefined();
  });
});
