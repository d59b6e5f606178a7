/** The page's frame: head, pages by address, foot. A page's code comes when it is first opened. */

import { headFailure, walletButton } from "./components/walletButton.ts";
import { failure, loading } from "./components/notice.ts";
import { fill, h } from "./h.ts";
import { match, place } from "./router.ts";
import { watch } from "./session.ts";
import { effect, scope } from "./signal.ts";
import "./style.css";
import { resume } from "./wallet/account.ts";
import { discover } from "./wallet/provider.ts";

export interface View {
  readonly title: string;
  readonly body: HTMLElement;
}

type Open = (values: Record<string, string>, query: URLSearchParams) => View;
type Route = readonly [template: string, open: () => Promise<Open>];

const ROUTES: readonly Route[] = [
  ["/", async () => (await import("./pages/catalogue.ts")).catalogue],
  ["/assets/{id}", async () => (await import("./pages/asset/page.ts")).assetPage],
  ["/assets/{id}/train", async () => (await import("./pages/train/page.ts")).trainPage],
  ["/assets/{id}/statistics", async () => (await import("./pages/statistics/page.ts")).statisticsPage],
  ["/orders", async () => (await import("./pages/orders.ts")).ordersPage],
  ["/jobs/{id}", async () => (await import("./pages/job/page.ts")).jobPage],
  ["/keys", async () => (await import("./pages/keys/page.ts")).keysPage],
  ["/publish", async () => (await import("./pages/publish/page.ts")).publishPage],
  ["/desk", async () => (await import("./pages/desk/page.ts")).deskPage],
];

const LINKS = [
  ["/", "Data sets"],
  ["/orders", "My orders"],
  ["/keys", "Keys"],
  ["/publish", "Publish"],
  ["/desk", "Provider's desk"],
] as const;

function nothingHere(): View {
  const body = h(
    "div",
    { class: "empty" },
    h("strong", null, "There is no such page"),
    h("p", null, h("a", { href: "#/" }, "See all data sets")),
  );
  return { title: "No such page", body };
}

const main = h("main", { id: "main", tabindex: "-1" });

/** Each page lives in a scope of its own: what it listens to ends when the visitor leaves. */
function show(): void {
  let [end, visit, first] = [(): void => undefined, 0, true];
  effect(() => {
    const { path, query } = place();
    const mine = (visit += 1);
    const put = (view: View): void => {
      if (mine !== visit) return;
      fill(main, view.body);
      document.title = view.title === "Atoll" ? view.title : `${view.title} · Atoll`;
      // A screen reader hears the new page; a first visit begins at the top.
      if (!first) main.focus({ preventScroll: true });
      first = false;
    };
    end();
    end = () => undefined;
    scrollTo(0, 0);
    fill(main, loading("Loading …"));
    const route = ROUTES.map(([template, open]) => [match(template, path), open] as const).find(([values]) => values);
    if (!route?.[0]) return put(nothingHere());
    const [values, open] = route;
    open().then(
      (page) => {
        if (mine !== visit) return;
        const [view, dispose] = scope(() => page(values, query));
        end = dispose;
        put(view);
      },
      (error: unknown) =>
        put({ title: "Not loaded", body: failure(error, () => location.reload(), "Load the page again") }),
    );
  });
}

function head(): HTMLElement {
  return h(
    "header",
    { class: "head" },
    h("a", { class: "brand", href: "#/" }, h("img", { src: "/icon.svg", alt: "", width: 26, height: 26 }), "Atoll"),
    h(
      "nav",
      { "aria-label": "Main" },
      LINKS.map(([path, name]) =>
        h("a", { href: `#${path}`, "aria-current": () => (place().path === path ? "page" : null) }, name),
      ),
    ),
    walletButton(),
  );
}

function foot(): HTMLElement {
  return h(
    "footer",
    { class: "foot" },
    h(
      "p",
      null,
      "Data is encrypted before it leaves its owner, and this server has no key to it. Models come to the data, and only the buyer can open what they learned.",
    ),
    h("p", null, h("a", { href: "/docs" }, "API")),
  );
}

discover();
resume();
watch();
document.querySelector("#app")?.replaceWith(head(), headFailure(), main, foot());
show();
