/** The names that objects may refer to: asked once per kind and kept while the page is open. */

import { ref, type Ref } from "vue";

import { config } from "@/api/config";
import { ApiError } from "@/api/rest";

const known = new Map<string, Ref<string[]>>();

/** Identities of a kind; empty until they are here, and for kinds that may not be read. */
export function namesOf(kind: string): Ref<string[]> {
  const found = known.get(kind);
  if (found) return found;
  const names = ref<string[]>([]);
  known.set(kind, names);
  config.list(kind).then(
    (items) => (names.value = items.map(({ identity }) => identity)),
    (error: unknown) => {
      known.delete(kind);
      if (!(error instanceof ApiError)) throw error;
    },
  );
  return names;
}

/** After objects of a kind were made or removed. */
export const forgetNames = (kind: string): boolean => known.delete(kind);
