/** Values of the server whose form is not fixed, as one readable line. */

/** A sentence as it is; an object as its values, one after another (`name=value` where the name helps). */
export function wordsOf(value: unknown): string {
  if (value === null || value === undefined) return "–";
  if (Array.isArray(value)) return value.map(wordsOf).join(", ");
  if (typeof value !== "object") return String(value);
  return Object.entries(value)
    .filter(([, field]) => field !== null && field !== "")
    .map(([name, field]) => `${name}: ${wordsOf(field)}`)
    .join("  ");
}

export interface Mistake {
  line: number | null;
  text: string;
}

/** An error of the apply file: `body:12: queue[0].strategy: expected …`, or an object with `line` and a text. */
export function mistakeOf(value: unknown): Mistake {
  if (typeof value === "string") {
    const found = /^[^:]*:(\d+):\s*(.*)$/s.exec(value);
    return found ? { line: Number(found[1]), text: found[2] ?? "" } : { line: null, text: value };
  }
  if (typeof value !== "object" || value === null) return { line: null, text: wordsOf(value) };
  const { line, field, reason, ...rest } = value as Record<string, unknown>;
  if (typeof field === "string" && typeof reason === "string") {
    return { line: typeof line === "number" ? line : null, text: field ? `${field}: ${reason}` : reason };
  }
  return { line: typeof line === "number" ? line : null, text: wordsOf(rest) };
}

/** A line of the plan: `update queue sales (wrap_up, record)`. */
export function planLineOf(value: unknown): string {
  if (typeof value !== "object" || value === null) return wordsOf(value);
  const { action, kind, name, fields } = value as Record<string, unknown>;
  if (typeof action !== "string" || typeof kind !== "string" || typeof name !== "string") return wordsOf(value);
  const changed = Array.isArray(fields) && fields.length > 0 ? ` (${fields.map(wordsOf).join(", ")})` : "";
  return `${action} ${kind} ${name}${changed}`;
}

/** What a plan line does, for its colour; unknown words are neutral. */
export function deedOf(line: string): "create" | "update" | "delete" | "" {
  if (/^(create|\+|new)\b|^\+/i.test(line)) return "create";
  if (/^(delete|remove)\b|^-/i.test(line)) return "delete";
  return /^(update|change)\b|^~/i.test(line) ? "update" : "";
}

type Told = Record<string, unknown>;

const isTold = (value: unknown): value is Told => typeof value === "object" && value !== null && !Array.isArray(value);
const NOTHING = new Set<unknown>([undefined, null, "", "[]", "{}"]);
/** Values stand in the trail as they stood in the order, lists as JSON. */
const stated = (value: unknown): string => (NOTHING.has(value) ? "–" : wordsOf(value).replaceAll(/[[\]"]/g, ""));

/** What an entry of the audit trail changed: `teams: – → one`; what else it tells stands as it is. Deed and object have their own columns. */
export function changesOf(detail: Told): string {
  const inner = detail["detail"];
  const told = Object.entries(isTold(inner) ? inner : detail).filter(([name]) => !["action", "object", "fields"].includes(name));
  const changed = [...new Set(told.flatMap(([name]) => (/^(?:before|after)\.(.+)$/.exec(name)?.[1] ?? [])))];
  const values = new Map(told);
  const changes = changed.map((name) => `${name}: ${stated(values.get(`before.${name}`))} → ${stated(values.get(`after.${name}`))}`);
  const rest = told.filter(([name]) => !/^(before|after)\./.test(name));
  return [...changes, wordsOf(Object.fromEntries(rest))].filter(Boolean).join("  ");
}
