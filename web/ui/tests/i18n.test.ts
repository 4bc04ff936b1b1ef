import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { describe, expect, it } from "vitest";

import { AGENT_STATES, CALL_RESULTS, CALL_STATES, NOT_READY_REASONS } from "@/api/types";
import { en } from "@/i18n/en";
import { zhCN } from "@/i18n/zh-CN";

type Tree = { [key: string]: string | Tree };

function leaves(tree: Tree, path = ""): Map<string, string> {
  const found = new Map<string, string>();
  for (const [key, value] of Object.entries(tree)) {
    if (typeof value === "string") found.set(path + key, value);
    else for (const [inner, text] of leaves(value, `${path}${key}.`)) found.set(inner, text);
  }
  return found;
}

const english = leaves(en);
const chinese = leaves(zhCN);
const slots = (text: string): string[] => [...new Set(text.match(/\{\w+\}/g) ?? [])].sort();

function sources(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return entry.name === "i18n" ? [] : sources(path);
    return /\.(vue|ts)$/.test(entry.name) ? [readFileSync(path, "utf8")] : [];
  });
}

describe("texts", () => {
  it("are complete in both languages", () => {
    expect([...chinese.keys()].sort()).toEqual([...english.keys()].sort());
    for (const texts of [english, chinese]) expect([...texts].filter(([, text]) => !text.trim())).toEqual([]);
  });

  it("take the same values in both languages", () => {
    const different = [...english].filter(([key, text]) => slots(text).join() !== slots(chinese.get(key) ?? "").join());
    expect(different).toEqual([]);
  });

  it("are Chinese in Chinese, with Chinese punctuation", () => {
    const latin = [...chinese].filter(([, text]) => /[a-z]{4,}/i.test(text.replace(/\{\w+\}/g, "")) && !/[\u4e00-\u9fff]/.test(text));
    expect(latin.map(([key]) => key)).toEqual(["admin.placeholder"]);
    expect([...chinese].filter(([, text]) => /[\u4e00-\u9fff][,:;?()]/.test(text))).toEqual([]);
  });

  it("exist for every key that the code names", () => {
    const used = sources("src").flatMap((text) => [...text.matchAll(/\bt\(\s*["']([\w.]+)["']/g)].map(([, key]) => key as string));
    expect(used.length).toBeGreaterThan(150);
    expect(used.filter((key) => !english.has(key))).toEqual([]);
  });

  it("are all used", () => {
    const code = sources("src").join("\n");
    const dynamic = [...code.matchAll(/`([\w.]+)\.\$\{/g)].map(([, prefix]) => `${prefix as string}.`);
    const shown = (key: string): boolean =>
      code.includes(`"${key}"`) || code.includes(`'${key}'`) || dynamic.some((prefix) => key.startsWith(prefix));
    expect([...english.keys()].filter((key) => !shown(key))).toEqual([]);
  });

  it.each([
    ["state", AGENT_STATES],
    ["callState", CALL_STATES],
    ["result", CALL_RESULTS],
    ["reason", NOT_READY_REASONS],
  ] as const)("name every %s", (group, words) => {
    expect(words.filter((word) => !english.has(`${group}.${word}`))).toEqual([]);
  });
});
