/** What a page asks the server for once, and orders whose outcome it tells. */

import { ElMessage } from "element-plus";
import { ref, shallowRef, type Ref, type ShallowRef } from "vue";

import { useProblems } from "./problems";

export interface Asked<T> {
  data: ShallowRef<T | null>;
  loading: Ref<boolean>;
  error: Ref<unknown>;
  /** Asks (again). The last question counts, whichever answer comes first; old data stays until then. */
  load: () => Promise<void>;
}

export function useAsked<T>(ask: () => Promise<T>): Asked<T> {
  const data = shallowRef<T | null>(null);
  const loading = ref(true);
  const error = ref<unknown>(null);
  let turn = 0;

  async function load(): Promise<void> {
    const mine = ++turn;
    loading.value = true;
    try {
      const found = await ask();
      if (mine !== turn) return;
      data.value = found;
      error.value = null;
    } catch (problem) {
      if (mine === turn) error.value = problem;
    } finally {
      if (mine === turn) loading.value = false;
    }
  }

  return { data, loading, error, load };
}

export interface Deeds {
  busy: Ref<boolean>;
  /** Carries out an order, says `done`, tells a refusal. True when it was carried out. */
  carryOut: (work: () => Promise<unknown>, done?: string) => Promise<boolean>;
}

export function useDeeds(): Deeds {
  const problems = useProblems();
  const busy = ref(false);

  async function carryOut(work: () => Promise<unknown>, done = ""): Promise<boolean> {
    busy.value = true;
    try {
      await work();
      if (done) ElMessage.success(done);
      return true;
    } catch (failure) {
      ElMessage.error(problems.explain(failure));
      return false;
    } finally {
      busy.value = false;
    }
  }

  return { busy, carryOut };
}
