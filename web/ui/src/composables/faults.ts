/** Saving a form: what the server refuses stands beside its field, and what names no field of the form below it. */

import { ref, type Ref } from "vue";

import { faultsOf } from "@/api/config";

import { useProblems } from "./problems";

export interface Saving {
  busy: Ref<boolean>;
  /** Reason by field. */
  faults: Ref<Map<string, string>>;
  /** Of a refusal that concerns no field of this form. */
  failure: Ref<string>;
  /** True when it was saved. */
  save: (work: () => Promise<unknown>) => Promise<boolean>;
  forget: () => void;
}

/** `fields`: those that show their own fault. */
export function useSaving(fields: readonly string[]): Saving {
  const { explain } = useProblems();
  const busy = ref(false);
  const faults = ref(new Map<string, string>());
  const failure = ref("");

  function forget(): void {
    faults.value = new Map();
    failure.value = "";
  }

  async function save(work: () => Promise<unknown>): Promise<boolean> {
    busy.value = true;
    try {
      await work();
      forget();
      return true;
    } catch (error) {
      faults.value = faultsOf(error);
      const told = [...faults.value.keys()].some((name) => fields.includes(name.split(".", 1)[0] ?? ""));
      failure.value = told ? "" : explain(error);
      return false;
    } finally {
      busy.value = false;
    }
  }

  return { busy, faults, failure, save, forget };
}
