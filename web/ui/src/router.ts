/** The pages and who may open them. The server checks every request again; this only spares people dead ends. */

import { createRouter, createWebHistory } from "vue-router";

import type { Role } from "@/api/types";
import { i18n } from "@/i18n";
import { useRights } from "@/stores/rights";
import { homeOf, useSession } from "@/stores/session";

declare module "vue-router" {
  interface RouteMeta {
    /** Shown inside the frame with navigation; needs a session. */
    framed?: boolean;
    role?: Role;
    /** One of these rights is enough. */
    right?: string[];
    title: string;
  }
}

const SignIn = () => import("@/pages/SignInPage.vue");

export const router = createRouter({
  history: createWebHistory(),
  routes: [
    { path: "/", component: SignIn, meta: { title: "signIn.title" } },
    { path: "/login", component: SignIn, meta: { title: "signIn.title" } },
    { path: "/demo", component: () => import("@/pages/DemoPage.vue"), meta: { title: "nav.demo" } },
    {
      path: "/agent",
      component: () => import("@/pages/agent/AgentPage.vue"),
      meta: { framed: true, role: "agent", title: "nav.agent" },
    },
    {
      path: "/supervisor",
      component: () => import("@/pages/supervisor/SupervisorPage.vue"),
      meta: { framed: true, role: "team_leader", title: "nav.supervisor" },
    },
    {
      path: "/wallboard",
      component: () => import("@/pages/wallboard/WallboardPage.vue"),
      meta: { role: "team_leader", title: "wall.title" },
    },
    {
      path: "/conferences",
      component: () => import("@/pages/conferences/ConferencesPage.vue"),
      meta: { framed: true, right: ["board"], title: "rooms.title" },
    },
    {
      path: "/history",
      component: () => import("@/pages/history/HistoryPage.vue"),
      meta: { framed: true, role: "agent", title: "nav.history" },
    },
    {
      path: "/callbacks",
      component: () => import("@/pages/callbacks/CallbacksPage.vue"),
      meta: { framed: true, role: "agent", title: "callbacks.title" },
    },
    {
      path: "/voicemail",
      component: () => import("@/pages/voicemail/VoicemailPage.vue"),
      meta: { framed: true, role: "agent", title: "voicemail.title" },
    },
    {
      path: "/customers",
      component: () => import("@/pages/customers/CustomersPage.vue"),
      meta: { framed: true, role: "agent", title: "customer.title" },
    },
    {
      path: "/reports/:id?",
      component: () => import("@/pages/reports/ReportsPage.vue"),
      meta: { framed: true, right: ["report"], title: "reports.title" },
    },
    {
      path: "/account",
      component: () => import("@/pages/account/AccountPage.vue"),
      meta: { framed: true, title: "account.title" },
    },
    {
      path: "/admin",
      component: () => import("@/pages/admin/AdminPage.vue"),
      meta: { framed: true, right: ["status", "config.read", "audit"], title: "nav.admin" },
    },
    { path: "/:rest(.*)*", component: () => import("@/pages/NotFoundPage.vue"), meta: { title: "notFound.title" } },
  ],
});

router.beforeEach(async (to) => {
  if (!to.meta.framed && !to.meta.role && !to.meta.right) return true;
  const session = useSession();
  let known;
  try {
    known = await session.load();
  } catch {
    // The server does not answer: the sign-in page says so and tries again.
    return { path: "/", query: { to: to.fullPath } };
  }
  if (!known) return { path: "/", query: { to: to.fullPath } };
  // Nothing else is open to who still owes a password or a second factor.
  if (known.duty && to.path !== "/account") return "/account";
  if (to.meta.role && !session.atLeast(to.meta.role)) return homeOf(known);
  if (to.meta.right) {
    const rights = useRights();
    await rights.load(known.login);
    if (!to.meta.right.some((right) => rights.may(right))) return homeOf(known);
  }
  return true;
});

router.afterEach((to) => {
  document.title = `${i18n.global.t(to.meta.title)} · softswitch`;
});
