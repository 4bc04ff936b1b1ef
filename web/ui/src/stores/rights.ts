/** What this person may do, by the words of the server (`GET /rights`). It only spares people buttons that end in a refusal. */

import { defineStore } from "pinia";
import { ref } from "vue";

import { ApiError, json } from "@/api/rest";

export const useRights = defineStore("rights", () => {
  /** Null until known, and at a server that does not say: then everything is offered, and the server decides. */
  const mine = ref<ReadonlySet<string> | null>(null);
  let asked = "";

  /** Once for each person at this tab. */
  async function load(login: string): Promise<void> {
    if (asked === login) return;
    asked = login;
    mine.value = null;
    try {
      const table = await json<Record<string, string[]>>("GET", "/rights");
      if (table["mine"]) mine.value = new Set(table["mine"]);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
    }
  }

  const may = (permission: string): boolean => mine.value?.has(permission) ?? true;
  return { mine, load, may };
});
