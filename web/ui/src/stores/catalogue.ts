/** Codes and lists of the centre that change seldom: reasons, dispositions. Asked once; without them the pages use their own few. */

import { defineStore } from "pinia";
import { computed, ref } from "vue";

import { centre } from "@/api/centre";
import type { Disposition, Reason } from "@/api/records";
import { ApiError } from "@/api/rest";
import { NOT_READY_REASONS } from "@/api/types";

const BUILT_IN: Reason[] = NOT_READY_REASONS.map((code) => ({ code }));

/** An older server, or a role that may not read it: there is no such list for this person. */
async function orEmpty<T>(ask: Promise<T[]>): Promise<T[]> {
  try {
    return await ask;
  } catch (error) {
    if (error instanceof ApiError) return [];
    throw error;
  }
}

export const useCatalogue = defineStore("catalogue", () => {
  const reasons = ref<Reason[]>(BUILT_IN);
  const dispositions = ref<Disposition[]>([]);
  let asked: Promise<void> | null = null;

  async function ask(): Promise<void> {
    const [some, codes] = await Promise.all([orEmpty(centre.reasons()), orEmpty(centre.dispositions())]);
    if (some.length > 0) reasons.value = some;
    dispositions.value = codes;
  }

  const load = (): Promise<void> => (asked ??= ask());
  const reason = computed(() => new Map(reasons.value.map((one) => [one.code, one])));
  const disposition = computed(() => new Map(dispositions.value.map((one) => [one.code, one])));
  return { reasons, dispositions, reason, disposition, load };
});
