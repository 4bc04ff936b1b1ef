/** zh-CN and English. The choice of this browser wins, then the person's language on the server, then the browser's own. */

import { createI18n } from "vue-i18n";

import type { Language } from "@/api/types";

import { en } from "./en";
import { zhCN } from "./zh-CN";

export type Messages = typeof en;

const STORAGE_KEY = "softswitch.language";

/** The nearest of the two shipped languages to a language tag. */
export const nearest = (tag: string): Language => (tag.toLowerCase().startsWith("zh") ? "zh-CN" : "en");

const chosen = localStorage.getItem(STORAGE_KEY);

export const i18n = createI18n({
  legacy: false,
  locale: chosen ? nearest(chosen) : nearest(navigator.language),
  fallbackLocale: "en" as Language,
  messages: { en, "zh-CN": zhCN },
});

function show(language: Language): void {
  i18n.global.locale.value = language;
  document.documentElement.lang = language;
}

export const currentLanguage = (): Language => i18n.global.locale.value;

/** A person's choice: kept in this browser. */
export function chooseLanguage(language: Language): void {
  localStorage.setItem(STORAGE_KEY, language);
  show(language);
}

/** The language of the session; gives way to a choice made here. */
export function suggestLanguage(tag: string): void {
  if (tag && !localStorage.getItem(STORAGE_KEY)) show(nearest(tag));
}

show(currentLanguage());
