/** Prompts and hold music of the operator, and what a text sounds like (web/README.md). */

import { ApiError, json, query, send } from "./rest";
import { tabSession } from "./tab";

const BASE = "/api/v1";

/** Folders of sounds; `music` is what people hear who wait or are held. */
export const PROMPT_FOLDERS = ["zh-CN", "en", "music"] as const;
export type PromptFolder = (typeof PROMPT_FOLDERS)[number];

/** Why a file cannot be a prompt, as the server names it. */
export const SOUND_FAULTS = ["too_large", "too_long", "channels", "not_audio", "silent", "no_decoder", "broken", "timeout"] as const;
export type SoundFault = (typeof SOUND_FAULTS)[number];

export interface Prompt {
  name: string;
  language: PromptFolder;
  /** A file of the operator; it wins over a shipped one of that name. */
  own: boolean;
  shipped: boolean;
  /** What the shipped one says. */
  text: string;
  /** Unknown of files in other formats that were put on the server by hand. */
  duration_ms: number | null;
}

export const PROMPT_NAME = /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/;
export const MOST_PROMPT_BYTES = 50_000_000;

const place = (language: string, name: string): string => `/prompts/${encodeURIComponent(language)}/${encodeURIComponent(name)}`;

/** `stamp` changes with the sound, so that the browser does not play the former one. */
export const promptUrl = (prompt: Prompt, stamp: number): string =>
  `${BASE}${place(prompt.language, prompt.name)}${query({ session: tabSession(), t: stamp })}`;

/** Which of the known faults a refusal of a sound tells, null for any other refusal. */
export function soundFault(error: unknown): SoundFault | null {
  if (!(error instanceof ApiError)) return null;
  const said = error.problem.errors?.find(({ field }) => field === "sound")?.reason ?? "";
  return SOUND_FAULTS.find((word) => said.startsWith(`${word}:`)) ?? null;
}

export const prompts = {
  list: async () => (await json<{ items: Prompt[] }>("GET", "/prompts")).items,
  put: (language: string, name: string, sound: Blob) => send("PUT", place(language, name), sound, "application/octet-stream"),
  remove: (language: string, name: string) => json<undefined>("DELETE", place(language, name)),
  say: async (text: string, language: string) =>
    (await send("POST", "/speech", JSON.stringify({ text, language }))).blob(),
};
