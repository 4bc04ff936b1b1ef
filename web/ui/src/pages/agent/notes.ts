/** What was typed about a call and not sent yet; it stays over reloads, and goes from the call to its wrap-up. */

const keyOf = (call: string): string => `softswitch.note.${call}`;

export const draftNote = (call: string): string => sessionStorage.getItem(keyOf(call)) ?? "";

export function keepNote(call: string, text: string): void {
  if (text) sessionStorage.setItem(keyOf(call), text);
  else sessionStorage.removeItem(keyOf(call));
}
