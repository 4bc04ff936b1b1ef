import { describe, expect, it } from "vitest";

import { lineOf, STARTER, toYaml } from "@/pages/admin/flows/yaml";

const TREE = {
  languages: ["zh-CN", "en"],
  start: "menu",
  nodes: {
    menu: { verb: "menu", prompts: ["main-menu"], timeout: 5, keys: { "1": "sales", "2": "no" } },
    sales: { verb: "queue", queue: "sales", values: {}, text: "caller: {{caller}}" },
    cases: { verb: "switch", rules: [{ if: "a > 1", then: "sales" }, { if: "true", then: "menu" }] },
  },
};

describe("the text of a flow", () => {
  it("is block YAML whose texts stay texts", () => {
    expect(toYaml(TREE)).toBe(`languages: [zh-CN, en]
start: menu
nodes:
  menu:
    verb: menu
    prompts: [main-menu]
    timeout: 5
    keys:
      "1": sales
      "2": "no"
  sales:
    verb: queue
    queue: sales
    values: {}
    text: "caller: {{caller}}"
  cases:
    verb: switch
    rules:
      - if: "a > 1"
        then: sales
      - if: "true"
        then: menu
`);
  });

  it("names the line of a mistake by its path", () => {
    const text = toYaml(TREE);
    expect(lineOf(text, "nodes.menu.keys.1")).toBe(9);
    expect(lineOf(text, "nodes.sales.queue")).toBe(13);
    expect(lineOf(text, "start")).toBe(2);
  });

  it("names the node when the field is missing, and never a line of another node", () => {
    expect(lineOf(toYaml(TREE), "nodes.menu.queue")).toBe(4);
    expect(lineOf(toYaml(TREE), "nothing")).toBeNull();
    expect(lineOf(STARTER, "nodes.end.verb")).toBe(12);
  });
});
