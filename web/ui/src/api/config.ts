/** Objects of the directory over REST (web/README.md): the schema makes the forms, the server checks every value again. */

import { ApiError, json, send } from "./rest";

export interface Words {
  zh: string;
  en: string;
}

export interface Field {
  name: string;
  label: Words;
  required?: boolean;
  secret?: boolean;
  type: string;
  unit?: string;
  least?: number;
  most?: number;
  choices?: string[];
  refers?: string;
  /** What the keys of a table refer to. */
  names?: string;
  of?: Field;
  keys?: Field[];
  default?: unknown;
}

export interface KindSchema {
  title: Words;
  identity: string;
  sections: string[];
  keys: Field[];
}

export type Values = Record<string, unknown>;

export interface ConfigItem {
  kind: string;
  identity: string;
  values: Values;
  secrets: Record<string, boolean>;
  etag: string;
  /** Secrets that were generated just now. */
  made?: Record<string, string>;
}

const place = (kind: string, identity?: string): string =>
  `/config/${encodeURIComponent(kind)}${identity === undefined ? "" : `/${encodeURIComponent(identity)}`}`;

/** Mistakes of single fields, as the server names them: `needs[0].level` → sentence. */
export function faultsOf(error: unknown): Map<string, string> {
  if (!(error instanceof ApiError)) return new Map();
  return new Map((error.problem.errors ?? []).map(({ field, reason }) => [field.replace(/^[a-z_]+\[0\]\./, ""), reason]));
}

export const config = {
  schema: () => json<Record<string, KindSchema>>("GET", "/config/schema"),
  list: async (kind: string) => (await json<{ items: ConfigItem[] }>("GET", place(kind))).items,
  /** `etag` of the object that was read; "" for a new one. */
  save: async (kind: string, identity: string, values: Values, etag: string): Promise<ConfigItem> =>
    (await (await send("PUT", place(kind, identity), JSON.stringify(values), "application/json", undefined, etag)).json()) as ConfigItem,
  remove: (kind: string, identity: string, etag: string) => send("DELETE", place(kind, identity), undefined, undefined, undefined, etag),
};
