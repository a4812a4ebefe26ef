/** Which address shows which page. Each page is loaded when it is first opened. */

import {
  createRootRoute,
  createRoute,
  createRouter,
  lazyRouteComponent,
  Outlet,
  redirect,
} from "@tanstack/react-router";

import { findPerson } from "./api/login";
import { Problem } from "./ui/Page";

const root = createRootRoute({ component: Outlet, notFoundComponent: Lost });

const login = createRoute({
  getParentRoute: () => root,
  path: "/login",
  component: lazyRouteComponent(() => import("./pages/login/Login")),
});

const setup = createRoute({
  getParentRoute: () => root,
  path: "/setup",
  component: lazyRouteComponent(() => import("./pages/login/Setup")),
});

const shell = createRoute({
  getParentRoute: () => root,
  id: "shell",
  beforeLoad: async () => {
    // eslint-disable-next-line @typescript-eslint/only-throw-error -- how the router is told
    if (!(await findPerson())) throw redirect({ to: "/login" });
  },
  component: lazyRouteComponent(() => import("./shell/Shell")),
});

const inbox = createRoute({
  getParentRoute: () => shell,
  path: "/",
  component: lazyRouteComponent(() => import("./pages/inbox/Inbox")),
});

const positions = createRoute({
  getParentRoute: () => shell,
  path: "/positions",
  validateSearch: (search: Record<string, unknown>): { id?: string } =>
    typeof search["id"] === "string" ? { id: search["id"] } : {},
  component: lazyRouteComponent(() => import("./pages/positions/Positions")),
});

const strategies = createRoute({
  getParentRoute: () => shell,
  path: "/strategies",
  component: lazyRouteComponent(() => import("./pages/strategies/Strategies")),
});

const today = createRoute({
  getParentRoute: () => shell,
  path: "/today",
  component: lazyRouteComponent(() => import("./pages/today/Today")),
});

const alarms = createRoute({
  getParentRoute: () => shell,
  path: "/alarms",
  component: lazyRouteComponent(() => import("./pages/alarms/Alarms")),
});

const status = createRoute({
  getParentRoute: () => shell,
  path: "/status",
  component: lazyRouteComponent(() => import("./pages/status/Status")),
});

const pages = [inbox, positions, today, alarms, strategies, status];

export const router = createRouter({
  routeTree: root.addChildren([login, setup, shell.addChildren(pages)]),
  basepath: "/app",
  defaultPreload: "intent",
  defaultErrorComponent: ({ error }) => <Problem problem={error} />,
});

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}

function Lost() {
  return <Problem problem={new Error("There is no page at this address.")} />;
}
