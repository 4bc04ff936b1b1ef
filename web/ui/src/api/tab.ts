/**
 * Whose session this tab is. A browser keeps one cookie a person, so that agent and supervisor can work in two tabs; the tab remembers
 * the id (no secret) and names it with every request. A tab without one is the person who signed in last.
 */

const KEY = "softswitch.session";
/** By home page: who used it last at this browser, so that a new tab on `/agent` is the agent and not whoever signed in last. */
const LAST_KEY = "softswitch.last";

const lastOf = (page: string): string => localStorage.getItem(`${LAST_KEY}${page}`) ?? "";

export function tabSession(): string {
  return sessionStorage.getItem(KEY) ?? "";
}

/** Stays over sign-out and reload: the tab must not silently become somebody else. */
export function setTabSession(id: string, home: string): void {
  sessionStorage.setItem(KEY, id);
  localStorage.setItem(`${LAST_KEY}${home}`, id);
}

/** Whose tab a new one should be, best guess first; "" is who signed in last. */
export function candidates(path: string): string[] {
  const own = tabSession();
  if (own) return [own];
  const last = lastOf(path);
  return last ? [last, ""] : [""];
}
