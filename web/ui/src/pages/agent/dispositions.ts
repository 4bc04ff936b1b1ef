/** The tree of result codes: up to three levels, some of which demand a note. */

import type { Disposition } from "@/api/records";

/** Children of a code, `""` for the top; limited to the queue's own top codes when it names some. */
export function childrenOf(all: readonly Disposition[], parent: string, tops: readonly string[] = []): Disposition[] {
  return all.filter((one) => (one.parent ?? "") === parent && (parent !== "" || tops.length === 0 || tops.includes(one.code)));
}

export const isLeaf = (all: readonly Disposition[], code: string): boolean => !all.some(({ parent }) => parent === code);

/** The code itself and those above it, the top first. */
export function lineOf(all: readonly Disposition[], code: string): Disposition[] {
  const line: Disposition[] = [];
  let at = all.find((one) => one.code === code);
  while (at && line.length < 3) {
    line.unshift(at);
    const parent = at.parent;
    at = parent ? all.find((one) => one.code === parent) : undefined;
  }
  return line;
}

/** A note is needed when one of the chosen codes, or one above it, asks for it. */
export function needsNote(all: readonly Disposition[], codes: readonly string[]): boolean {
  return codes.some((code) => lineOf(all, code).some((one) => one.note_required === true));
}

/** Leaves whose path contains the text. */
export function search(all: readonly Disposition[], text: string, tops: readonly string[], word: (one: Disposition) => string): Disposition[] {
  const wanted = text.trim().toLowerCase();
  return all.filter((one) => {
    const line = lineOf(all, one.code);
    if (!isLeaf(all, one.code) || (tops.length > 0 && !tops.includes(line[0]?.code ?? ""))) return false;
    return line.some((step) => `${step.code} ${word(step)}`.toLowerCase().includes(wanted));
  });
}
