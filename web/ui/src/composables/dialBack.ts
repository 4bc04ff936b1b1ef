/** Calls a number from a page that is not the desk, and goes there: what came of it is seen on the desk. */

import { computed, type ComputedRef } from "vue";
import { useRouter } from "vue-router";

import { useAgent } from "@/stores/agent";

export function useDialBack(): { possible: ComputedRef<boolean>; dial: (number: string) => Promise<void> } {
  const seat = useAgent();
  const router = useRouter();
  const possible = computed(() => seat.agent !== null && seat.state !== "logged_out" && !seat.onTheLine && seat.offer === null);

  async function dial(number: string): Promise<void> {
    await seat.dial(number);
    await router.push("/agent");
  }

  return { possible, dial };
}
