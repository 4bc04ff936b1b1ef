/** Who is signed in at this tab. */

import { defineStore } from "pinia";
import { ref } from "vue";

import { ApiError, onSignedOut, rest, useCsrf } from "@/api/rest";
import { candidates, setTabSession } from "@/api/tab";
import type { Role, Session } from "@/api/types";
import { suggestLanguage } from "@/i18n";

/** Higher sees everything that lower ones see. */
const RANK: Record<Role, number> = {
  api: 0,
  agent: 1,
  quality: 1,
  auditor: 1,
  team_leader: 2,
  supervisor: 3,
  administrator: 4,
};

const HOME: Record<Role, string> = {
  api: "/history",
  agent: "/agent",
  quality: "/history",
  auditor: "/history",
  team_leader: "/supervisor",
  supervisor: "/supervisor",
  administrator: "/admin",
};

export const homeOf = (session: Session): string => (session.duty ? "/account" : HOME[session.role]);

export const useSession = defineStore("session", () => {
  const session = ref<Session | null>(null);
  /** True once the server was asked. */
  const known = ref(false);
  /** The session ended without the person's doing; the sign-in page says so. */
  const ended = ref(false);

  function adopt(value: Session | null): void {
    session.value = value;
    known.value = true;
    useCsrf(value?.csrf ?? "");
    if (value) {
      setTabSession(value.session, homeOf(value));
      ended.value = false;
      suggestLanguage(value.language);
    }
  }

  /** Asks once per page load. Raises ApiError when the server cannot be reached. */
  async function load(): Promise<Session | null> {
    if (known.value) return session.value;
    for (const id of candidates(location.pathname)) {
      try {
        adopt(await rest.sessionOf(id));
        return session.value;
      } catch (error) {
        if (!(error instanceof ApiError) || error.status !== 401) throw error;
      }
    }
    adopt(null);
    return null;
  }

  async function signInByLink(code: string): Promise<Session> {
    const value = await rest.signInByLink(code);
    adopt(value);
    return value;
  }

  async function signIn(login: string, password: string, code = ""): Promise<Session> {
    const value = await rest.signIn(login, password, code);
    adopt(value);
    return value;
  }

  async function signOut(): Promise<void> {
    await rest.signOut();
    adopt(null);
  }

  /** The server does not know the session any more. */
  function lose(): void {
    if (session.value) ended.value = true;
    adopt(null);
  }

  const atLeast = (role: Role): boolean => session.value !== null && RANK[session.value.role] >= RANK[role];

  /** Leaders and who inspects see more calls than their own. */
  const seesOthers = (): boolean => session.value !== null && session.value.role !== "agent";

  onSignedOut(lose);
  return { session, known, ended, adopt, load, signInByLink, signIn, signOut, lose, atLeast, seesOthers };
});
