/** A flow's tree as YAML to be edited, and the line of a path in such a text. */

const PLAIN = /^[\p{L}_/][\p{L}\p{N}_ ./-]*$/u;
/** Words that YAML would read as something else than text. */
const RESERVED = /^(y|n|yes|no|on|off|true|false|null)$/i;

function scalar(value: unknown): string {
  if (typeof value !== "string") return JSON.stringify(value ?? null);
  return PLAIN.test(value) && !RESERVED.test(value) && value.trim() === value ? value : JSON.stringify(value);
}

const isFlat = (value: unknown): boolean => typeof value !== "object" || value === null;

function lines(value: unknown, indent: string): string[] {
  if (Array.isArray(value)) {
    return value.flatMap((item) => {
      if (isFlat(item) || isEmpty(item)) return [`${indent}- ${inline(item)}`];
      const [first = "", ...rest] = lines(item, `${indent}  `);
      return [`${indent}- ${first.trimStart()}`, ...rest];
    });
  }
  return Object.entries(value as object).flatMap(([key, inner]: [string, unknown]) => {
    const name = `${indent}${scalar(key)}:`;
    const short = isFlat(inner) || isEmpty(inner) || (Array.isArray(inner) && inner.every(isFlat));
    return short ? [`${name} ${inline(inner)}`] : [name, ...lines(inner, `${indent}  `)];
  });
}

const isEmpty = (value: unknown): boolean => typeof value === "object" && value !== null && Object.keys(value).length === 0;

function inline(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(scalar).join(", ")}]`;
  return isFlat(value) ? scalar(value) : "{}";
}

/** Block style, lists of plain values in one line. `start` and the like come as the tree has them. */
export const toYaml = (tree: Record<string, unknown>): string => (isEmpty(tree) ? "" : `${lines(tree, "").join("\n")}\n`);

const indentOf = (line: string): number => line.length - line.trimStart().length;

/** The line (from 1) where a path like `nodes.menu.keys.1` begins, or the nearest that could be found above; null for none. */
export function lineOf(text: string, path: string): number | null {
  const all = text.split("\n");
  let from = 0;
  let depth = -1;
  let found: number | null = null;
  for (const part of path.split(".").filter(Boolean)) {
    const key = new RegExp(`^\\s*(?:- )?["']?${part.replace(/[^\w]/g, "\\$&")}["']?\\s*:`);
    const at = all.findIndex((line, index) => index >= from && key.test(line) && indentOf(line) > depth);
    const ended = all.findIndex((line, index) => index >= from && line.trim() !== "" && indentOf(line) <= depth);
    if (at < 0 || (ended >= 0 && ended < at)) break;
    found = at + 1;
    depth = indentOf(all[at] ?? "");
    from = at + 1;
  }
  return found;
}

/** What a new flow begins as. */
export const STARTER = `languages: [zh-CN, en]
start: hello
nodes:
  hello:
    verb: answer
    next: greeting
  greeting:
    verb: play
    prompts: [welcome]
    next: end
  end:
    verb: hangup
`;
