/** Reasons of the decision log in words: `not_ready`, `skills`, `failed this call` … */

import type { Words } from "./timeline";

/** The part before the colon is the word, the part after it what it is about. An unknown word is shown as it is. */
export function whyWords(why: string, { t, te }: Words): string {
  const [word = "", about = ""] = why.split(/[:=]/);
  const name = word.trim().replaceAll(" ", "_");
  // Mostly it is the state that the agent was in.
  const key = te(`state.${name}`) ? `state.${name}` : `routing.excluded.${name}`;
  if (!te(key)) return why;
  return about ? t("routing.about", { word: t(key), about: about.trim() }) : t(key);
}
