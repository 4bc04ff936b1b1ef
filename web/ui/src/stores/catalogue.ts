/** Codes and lists of the centre that change seldom: reasons, dispositions. Asked once; without them the pages use their own few. */

import { defineStore } from "pinia";
import { computed, ref } from "vue";

import { centre } from "@/api/centre";
import type { Disposition, Reason } from "@/api/records";
import { ApiError } from "@/api/rest";
import { NOT_READY_REASONS } from "@/api/types";

const BUILT_IN: Reason[] = NOT_READY_REASONS.map((code) => ({ code }));

export const useCatalogue = defineStore("catalogue", () => {
  const reasons = ref<Reason[]>(BUILT_IN);
  const dispositions = ref<Disposition[]>([]);
  let asked: Promise<void> | null = null;

  async function ask(): Promise<void> {
    try {
      const codes = await centre.codes();
      if (codes.reasons.length > 0) reasons.value = codes.reasons;
      dispositions.value = codes.dispositions;
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      asked = null;
    }
  }

  const load = (): Promise<void> => (asked ??= ask());
  const reason = computed(() => new Map(reasons.value.map((one) => [one.code, one])));
  const disposition = computed(() => new Map(dispositions.value.map((one) => [one.code, one])));
  return { reasons, dispositions, reason, disposition, load };
});
