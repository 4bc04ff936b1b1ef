/** Reasons of the decision log in words: `not_ready`, `skill:broadband`, `delay` … */

import type { Words } from "./timeline";

/** The part before the colon is the word, the part after it what it is about. An unknown word is shown as it is. */
export function whyWords(why: string, { t, te }: Words): string {
  const [word = "", about = ""] = why.split(/[:=]/);
  const key = `routing.excluded.${word.trim().replaceAll(" ", "_")}`;
  if (!te(key)) return why;
  return about ? t("routing.about", { word: t(key), about: about.trim() }) : t(key);
}
