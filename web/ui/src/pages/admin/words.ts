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
  const { line, ...rest } = value as Record<string, unknown>;
  return { line: typeof line === "number" ? line : null, text: wordsOf(rest) };
}

/** What a plan line does, for its colour; unknown words are neutral. */
export function deedOf(line: string): "create" | "update" | "delete" | "" {
  if (/^(create|\+|new)\b|^\+/i.test(line)) return "create";
  if (/^(delete|remove)\b|^-/i.test(line)) return "delete";
  return /^(update|change)\b|^~/i.test(line) ? "update" : "";
}
