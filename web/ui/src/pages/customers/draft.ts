/** A customer's record while it is edited: texts as typed, and what of it is sent. */

import type { Customer, CustomerDraft, CustomerField } from "@/api/records";

export interface Draft {
  name: string;
  /** One number a line, or separated by commas. */
  numbers: string;
  class: string;
  importance: number;
  vip: boolean;
  language: string;
  dedicated_agent: string;
  note: string;
  fields: Record<string, string>;
}

export function draftOf(customer: Customer | null, number = ""): Draft {
  return {
    name: customer?.name ?? "",
    numbers: (customer?.numbers ?? (number ? [number] : [])).join(", "),
    class: customer?.class ?? "",
    importance: customer?.importance ?? 0,
    vip: customer?.vip ?? false,
    language: customer?.language ?? "",
    dedicated_agent: customer?.dedicated_agent ?? "",
    note: customer?.note ?? "",
    fields: Object.fromEntries(Object.entries(customer?.fields ?? {}).map(([name, value]) => [name, value === null ? "" : String(value)])),
  };
}

export const numbersOf = (text: string): string[] => [
  ...new Set(
    text
      .split(/[,;，；\n]/)
      .map((one) => one.replace(/[\s()-]/g, ""))
      .filter(Boolean),
  ),
];

function typed(field: CustomerField | undefined, text: string): string | number | boolean | null {
  if (text === "") return null;
  if (field?.type === "number") return Number(text);
  if (field?.type === "flag") return text === "true";
  return text;
}

/** Names of required fields that are empty; `name` is always one of them. */
export function missing(draft: Draft, fields: readonly CustomerField[]): string[] {
  const own = fields.filter(({ name, required }) => required && !draft.fields[name]?.trim()).map(({ name }) => name);
  return draft.name.trim() ? own : ["name", ...own];
}

/** Masked numbers are not sent back: stars would become the number. */
export function toSend(draft: Draft, fields: readonly CustomerField[], masked: boolean): CustomerDraft {
  const kinds = new Map(fields.map((field) => [field.name, field]));
  return {
    name: draft.name.trim(),
    ...(masked ? {} : { numbers: numbersOf(draft.numbers) }),
    class: draft.class.trim(),
    importance: Math.min(100, Math.max(0, Math.round(draft.importance || 0))),
    vip: draft.vip,
    language: draft.language,
    dedicated_agent: draft.dedicated_agent.trim(),
    note: draft.note.trim(),
    fields: Object.fromEntries(Object.entries(draft.fields).map(([name, text]) => [name, typed(kinds.get(name), text.trim())])),
  };
}
