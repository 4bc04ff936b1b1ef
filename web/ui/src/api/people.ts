/** Users, their sessions, and what everybody does with the own account, over REST (web/README.md). */

import { json, send } from "./rest";
import type { Role, Session } from "./types";

export const ROLES = ["agent", "team_leader", "quality", "auditor", "supervisor", "administrator"] as const satisfies readonly Role[];

export interface User {
  login: string;
  name: string;
  role: Role;
  teams: string[];
  queues: string[];
  mail: string;
  disabled: boolean;
  /** Comes from an apply file. */
  declared: boolean;
  agent: boolean;
  password: boolean;
  second_factor: boolean;
  locked_until: string | null;
}

export interface Invitation {
  link: string;
  expires: string;
  mailed: boolean;
}

export interface SessionItem {
  id: string;
  created: string;
  used: string;
  expires: string;
  address: string;
  client: string;
  how: string;
  current: boolean;
}

export type UserDraft = Pick<User, "login" | "name" | "role" | "teams" | "queues" | "mail">;

const place = (login: string, rest = ""): string => `/users/${encodeURIComponent(login)}${rest}`;

/** The ways to sign in that this server has beside links and passwords. */
export interface SignInWays {
  /** What its button says; null when no provider is set up. */
  oidc: { title: string } | null;
}

/** A page to go to, not to fetch: the provider asks the person. */
export const OIDC_ADDRESS = "/api/v1/auth/oidc";

export const people = {
  ways: () => json<SignInWays>("GET", "/auth/methods"),
  users: async () => (await json<{ items: User[] }>("GET", "/users")).items,
  add: (draft: UserDraft) => json<User & { invitation: Invitation }>("POST", "/users", draft),
  change: (login: string, values: Partial<User>) => json<User>("PUT", place(login), values),
  remove: (login: string) => json<undefined>("DELETE", place(login)),
  invite: (login: string) => json<Invitation>("POST", place(login, "/invite")),
  unlock: (login: string) => json<undefined>("POST", place(login, "/unlock")),
  forgetDevice: (login: string) => json<undefined>("DELETE", place(login, "/second-factor")),
  sessions: async (login: string) => (await json<{ items: SessionItem[] }>("GET", place(login, "/sessions"))).items,
  /** Without `id` all of them. */
  endSession: (login: string, id = "") => json<undefined>("DELETE", place(login, `/sessions${id ? `/${encodeURIComponent(id)}` : ""}`)),
};

export const account = {
  changePassword: (old: string, fresh: string) => json<Session>("PUT", "/auth/password", { old, new: fresh }),
  enrol: () => json<{ secret: string; uri: string }>("POST", "/auth/second-factor"),
  confirm: async (code: string) => (await json<{ recovery: string[] }>("POST", "/auth/second-factor/confirm", { code })).recovery,
  removeDevice: (code: string) => send("DELETE", "/auth/second-factor", JSON.stringify({ code })),
  sessions: async () => (await json<{ items: SessionItem[] }>("GET", "/auth/sessions")).items,
  /** Without `id` all but this one. */
  endSession: (id = "") => json<undefined>("DELETE", `/auth/sessions${id ? `/${encodeURIComponent(id)}` : ""}`),
};
