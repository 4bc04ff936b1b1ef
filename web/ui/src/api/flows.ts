/** Flows over REST (web/README.md): versions, checks, try-outs, figures. A flow is written as YAML here; the server keeps the tree. */

import { json, query, send } from "./rest";

export type Tree = Record<string, unknown>;

export interface FlowItem {
  name: string;
  /** 0: no call gets it yet. */
  published: number;
  /** A newer version that nobody hears. */
  draft: number | null;
}

export interface FlowVersion {
  version: number;
  at: string;
  by: string;
  note: string;
  published: string | null;
}

export interface FlowDetail extends FlowItem {
  versions: FlowVersion[];
  tree: Tree;
}

export interface FlowNote {
  level: "error" | "warning";
  code: string;
  node: string;
  /** Path in the tree: `nodes.menu.keys.1`. */
  field: string;
  text: string;
}

export interface TrialOrder {
  version?: number;
  caller: string;
  called: string;
  keys: string[];
  at?: string;
}

export interface Trial {
  steps: { flow: string; node: string; verb: string; heard: string[]; pressed: string; result: string; at: string; next: string | null }[];
  outcome: string;
  to: string;
  variables: Record<string, string>;
  seconds: number;
}

export interface NodeFigures {
  node: string;
  visits: number;
  results: Record<string, number>;
  /** 0–1: who hung up there. */
  drop_off: number;
  mean_ms: number;
}

const YAML = "application/yaml";
const place = (name: string, rest = ""): string => `/flows/${encodeURIComponent(name)}${rest}`;

export const flows = {
  list: async () => (await json<{ items: FlowItem[] }>("GET", "/flows")).items,
  one: (name: string) => json<FlowDetail>("GET", place(name)),
  version: (name: string, version: number) => json<FlowVersion & { tree: Tree }>("GET", place(name, `/versions/${version}`)),
  check: async (yaml: string) => (await (await send("POST", "/flows/check", yaml, YAML)).json()) as { ok: boolean; notes: FlowNote[] },
  save: async (name: string, yaml: string, note: string) =>
    (await (await send("POST", place(name, `/versions${query({ note })}`), yaml, YAML)).json()) as { version: number; notes: FlowNote[] },
  publish: (name: string, version: number) => json<FlowVersion>("POST", place(name, "/publish"), { version }),
  try: (name: string, order: TrialOrder) => json<Trial>("POST", place(name, "/try"), order),
  figures: async (name: string, from: string) => (await json<{ nodes: NodeFigures[] }>("GET", place(name, `/statistics${query({ from })}`))).nodes,
};
