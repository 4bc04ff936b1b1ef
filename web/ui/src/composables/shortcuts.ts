/** Alt+letter shortcuts of a page. They work in input fields too: an agent who types must still be able to answer. */

import { onMounted, onUnmounted } from "vue";

/** Letter (as on the key, upper case) to action. An action returns false when it does not apply now; the key then passes on. */
export type Shortcuts = Record<string, () => boolean | undefined>;

/** `event.code` instead of `event.key`: Option+A writes "å" on a Mac. */
export function matchShortcut(event: Pick<KeyboardEvent, "altKey" | "ctrlKey" | "metaKey" | "code">, shortcuts: Shortcuts) {
  if (!event.altKey || event.ctrlKey || event.metaKey) return undefined;
  return shortcuts[event.code.replace(/^Key/, "")];
}

export function useShortcuts(shortcuts: Shortcuts): void {
  const pressed = (event: KeyboardEvent): void => {
    const action = matchShortcut(event, shortcuts);
    if (action && action() !== false) event.preventDefault();
  };
  onMounted(() => window.addEventListener("keydown", pressed));
  onUnmounted(() => window.removeEventListener("keydown", pressed));
}
