/** The catalogue: every data set that can be found, narrowed by words, price and what is paid with. */

import { call, type Schema } from "../api/client.ts";
import { field, select, typed } from "../components/field.ts";
import { empty, failure, loading } from "../components/notice.ts";
import { documentOf } from "../document.ts";
import { count, day, money, symbol, units } from "../format.ts";
import { h } from "../h.ts";
import type { View } from "../main.ts";
import { remember } from "../router.ts";
import { onEnd, signal } from "../signal.ts";

type Asset = Schema["Asset"];
type Money = Schema["Money"];

const PAGE = 24;
/** A pause in typing after which is searched. */
const PAUSE = 250;

interface Filters {
  q: string;
  token: string;
  most: string;
  state: string;
}

export function catalogue(_: Record<string, string>, query: URLSearchParams): View {
  const read = (name: string): string => query.get(name) ?? "";
  const filters: Filters = { q: read("q"), token: read("token"), most: read("most"), state: read("state") };
  const found = signal<readonly Asset[] | undefined>(undefined);
  const next = signal<string | undefined>(undefined);
  const wrong = signal<unknown>(undefined);
  const busy = signal(true);
  const badPrice = signal<string | undefined>(undefined);
  const tokens = signal<ReadonlyMap<string, Money>>(new Map());
  let stop = new AbortController();
  let timer = 0;
  onEnd(() => (clearTimeout(timer), stop.abort()));

  const ask = async (cursor?: string): Promise<void> => {
    stop.abort();
    stop = new AbortController();
    const { signal: aborted } = stop;
    const token = tokens().get(filters.token);
    const most = filters.most !== "" && token ? units(filters.most, token.decimals) : undefined;
    badPrice.set(filters.most !== "" && token && most === undefined ? "Write a number, like 2.50" : undefined);
    busy.set(true);
    wrong.set(undefined);
    try {
      const answer = await call("get", "/v1/assets", {
        signal: aborted,
        query: {
          limit: PAGE,
          ...(filters.q.trim() && { q: filters.q.trim() }),
          ...(filters.token && { payment_token: filters.token }),
          ...(most !== undefined && { max_price: most.toString() }),
          ...(filters.state && { state: filters.state as Schema["AssetState"] }),
          ...(cursor && { cursor }),
        },
      });
      const before = cursor ? (found() ?? []) : [];
      learn(answer.items);
      found.set([...before, ...answer.items]);
      next.set(answer.next_cursor ?? undefined);
      busy.set(false);
    } catch (error) {
      if (aborted.aborted) return;
      wrong.set(error);
      busy.set(false);
    }
  };
  const learn = (assets: readonly Asset[]): void => {
    const prices = assets.flatMap(({ services }) => services.map(({ price }) => price));
    if (prices.every(({ token }) => tokens().has(token))) return;
    tokens.set(new Map([...tokens(), ...prices.map((price) => [price.token, price] as const)]));
  };
  const change = (name: keyof Filters, value: string): void => {
    filters[name] = value;
    remember("/", { ...filters });
    clearTimeout(timer);
    timer = window.setTimeout(() => void ask(), PAUSE);
  };
  void ask();

  const search = h(
    "form",
    {
      class: "filters",
      role: "search",
      onsubmit: (event: Event) => (event.preventDefault(), clearTimeout(timer), void ask()),
    },
    field(
      { label: "Search" },
      h("input", {
        type: "search",
        value: filters.q,
        placeholder: "Words in the title or description",
        oninput: (event: Event) => change("q", typed(event)),
      }),
    ),
    h("div", { class: "field" }, () => {
      const known = [...tokens().values()].map((token) => [token.token, symbol(token)] as const);
      return field(
        { label: "Paid with" },
        select([["", "Anything"], ...known], {
          value: filters.token,
          onchange: (event: Event) => change("token", typed(event)),
        }),
      );
    }),
    field(
      { label: "At most", wrong: badPrice, hint: "Choose what it is paid with first." },
      h("input", {
        inputmode: "decimal",
        value: filters.most,
        oninput: (event: Event) => change("most", typed(event)),
      }),
    ),
    field(
      { label: "Shown" },
      select(
        [
          ["", "Everything"],
          ["active", "Can be ordered"],
        ],
        { value: filters.state, onchange: (event: Event) => change("state", typed(event)) },
      ),
    ),
  );
  const list = h("div", { "aria-live": "polite", "aria-busy": () => String(busy()) }, () => {
    if (wrong()) return failure(wrong(), () => void ask());
    const assets = found();
    if (!assets) return loading("Loading the catalogue …");
    if (assets.length === 0) {
      return empty("Nothing fits", h("p", null, "Search for fewer words, or allow a higher price."));
    }
    return h("ul", { class: "cards" }, assets.map(card));
  });
  const more = h("p", { class: "more" }, () =>
    next() && !wrong()
      ? h("button", { type: "button", disabled: busy, onclick: () => void ask(next()) }, () =>
          busy() ? "Loading …" : "Load more",
        )
      : undefined,
  );
  const body = h(
    "div",
    null,
    h(
      "section",
      { class: "hero" },
      h("h1", null, "Learn from data that never leaves its owner"),
      h(
        "p",
        null,
        "Choose a data set, describe a model, pay once. The model is trained where the data is, and only you can open it.",
      ),
    ),
    search,
    list,
    more,
  );
  return { title: "Atoll", body };
}

function card(asset: Asset): HTMLElement {
  const { "atoll:market": data, keywords = [] } = documentOf(asset);
  return h(
    "li",
    { class: "card" },
    h("h2", null, h("a", { href: `#/assets/${asset.token_id}` }, asset.name)),
    h("p", { class: "clamp" }, asset.description),
    h(
      "ul",
      { class: "tags" },
      keywords.slice(0, 4).map((word) => h("li", null, word)),
    ),
    h(
      "p",
      { class: "facts" },
      h("b", null, prices(asset)),
      h("span", null, `${count(data.content.rows)} rows`),
      h("span", null, `${count(data.columns.length)} columns`),
      h("span", null, day(asset.published_at)),
      asset.state !== "active" && h("span", { class: "state" }, "No orders at the moment"),
    ),
  );
}

/** Prices of the services, each once. */
function prices({ services }: Asset): string {
  const all = [...new Set(services.map(({ price }) => money(price)))];
  return all.length === 0 ? "Not sold" : all.slice(0, 3).join(" or ");
}
