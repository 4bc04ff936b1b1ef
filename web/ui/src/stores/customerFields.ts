/** The fields that this centre added to its customers; asked once. */

import { defineStore } from "pinia";
import { ref } from "vue";

import { centre } from "@/api/centre";
import type { CustomerField } from "@/api/records";
import { ApiError } from "@/api/rest";
import { titleIn } from "@/composables/words";
import { currentLanguage } from "@/i18n";

export const useCustomerFields = defineStore("customer-fields", () => {
  const fields = ref<CustomerField[]>([]);
  let asked: Promise<void> | null = null;

  async function ask(): Promise<void> {
    try {
      fields.value = await centre.customerFields();
    } catch (error) {
      // The record is shown without them.
      if (!(error instanceof ApiError)) throw error;
      asked = null;
    }
  }

  const load = (): Promise<void> => (asked ??= ask());
  const titleOf = ({ name, title = "", title_en = "" }: CustomerField): string => titleIn(currentLanguage(), { code: name, title, title_en });

  /** After they were changed. */
  function again(): Promise<void> {
    asked = null;
    return load();
  }

  return { fields, load, again, titleOf };
});
