/** The screen pop: what the switch sends about a caller, made readable; and the address of an outside customer system. */

export interface PathStep {
  flow: string;
  node: string;
  key: string;
}

/** `main/menu=1` → flow main, node menu, key 1. Steps without a key show only where the caller passed. */
export function pathWords(path: readonly string[]): PathStep[] {
  return path.map((step) => {
    const [place = "", key = ""] = step.split("=");
    const cut = place.lastIndexOf("/");
    return { flow: cut < 0 ? "" : place.slice(0, cut), node: place.slice(cut + 1), key };
  });
}

/** Only http(s) addresses are opened or linked: the value may contain what a stranger typed. */
export function webAddress(text: string | undefined): string {
  if (!text) return "";
  try {
    const url = new URL(text);
    return url.protocol === "https:" || url.protocol === "http:" ? url.href : "";
  } catch (error) {
    if (error instanceof TypeError) return "";
    throw error;
  }
}

/** One window for all calls. False when the browser blocked it; then answering, a click, opens it. */
export function openPop(url: string): boolean {
  const address = webAddress(url);
  if (!address) return true;
  const opened = window.open(address, "softswitch-pop");
  if (opened) opened.opener = null;
  return opened !== null;
}

/** Data of a call that is shown in a place of its own. */
export const KNOWN: ReadonlySet<string> = new Set(["page", "title", "verstat", "attestation"]);

export interface Proof {
  word: "passed" | "failed" | "none";
  colour: "green" | "red" | "";
  attestation: string;
}

const PROOFS: Readonly<Record<string, Proof["word"]>> = {
  "TN-Validation-Passed": "passed",
  "TN-Validation-Failed": "failed",
  "No-TN-Validation": "none",
};

/** What the signature of a calling number has proved; null for calls whose trunk does not look at signatures. */
export function proofOf(context: Readonly<Record<string, string>>): Proof | null {
  const verdict = context["verstat"] ?? "";
  const word = Object.hasOwn(PROOFS, verdict) ? PROOFS[verdict] : undefined;
  if (!word) return null;
  const colour = word === "passed" ? "green" : word === "failed" ? "red" : "";
  return { word, colour, attestation: word === "passed" ? (context["attestation"] ?? "") : "" };
}
