/** Words that the centre itself made up: titles of reasons and dispositions in the language of the page. */

import { useI18n } from "vue-i18n";

import { currentLanguage } from "@/i18n";
import { useCatalogue } from "@/stores/catalogue";

interface Titled {
  code: string;
  title?: string;
  title_en?: string;
}

/** The title in the wanted language, else in the other, else the code. */
export function titleIn(language: string, { code, title = "", title_en: english = "" }: Titled): string {
  return (language === "zh-CN" ? title || english : english || title) || code;
}

export interface CentreWords {
  reason: (code: string) => string;
  disposition: (code: string) => string;
  /** `Service › Bill › Wrong amount`. */
  dispositionPath: (code: string) => string;
  titled: (one: Titled) => string;
}

export function useWords(): CentreWords {
  const { t, te } = useI18n();
  const catalogue = useCatalogue();

  const titled = (one: Titled): string => titleIn(currentLanguage(), one);

  /** What the centre calls it, else the words of the product, else the code. */
  function reason(code: string): string {
    const own = catalogue.reason.get(code);
    if (own && (own.title || own.title_en)) return titled(own);
    const key = `reason.${code.replaceAll(" ", "_")}`;
    return te(key) ? t(key) : code;
  }

  const disposition = (code: string): string => titled(catalogue.disposition.get(code) ?? { code });

  function dispositionPath(code: string): string {
    const names: string[] = [];
    let at = catalogue.disposition.get(code);
    while (at && names.length < 3) {
      names.unshift(titled(at));
      at = at.parent ? catalogue.disposition.get(at.parent) : undefined;
    }
    return names.join(" › ") || code;
  }

  return { reason, disposition, dispositionPath, titled };
}
