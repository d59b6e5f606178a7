/** An asset in the catalogue, as little of it as its card shows: there may be very many. */

import type { Schema } from "../../api/client.ts";
import { algorithmOf, documentOf } from "../../document.ts";
import { count, day, money } from "../../format.ts";
import { type Child, h } from "../../h.ts";

type Asset = Schema["Asset"];

/** Characters of a description of which a card could show some. */
const SHOWN = 300;
/** Keywords that a card shows. */
const KEYWORDS = 4;

export interface Card {
  readonly token: string;
  readonly name: string;
  readonly description: string;
  readonly keywords: readonly string[];
  readonly price: string;
  /** How large a data set is; nothing of an algorithm. */
  readonly size: { readonly rows: number; readonly columns: number } | undefined;
  readonly published: string;
  readonly orderable: boolean;
}

export function cardOf(asset: Asset): Card {
  const document = documentOf(asset);
  const data = document?.["atoll:market"];
  const { keywords = [] } = document ?? algorithmOf(asset) ?? {};
  return {
    token: asset.token_id,
    name: asset.name,
    description: asset.description.slice(0, SHOWN),
    keywords: keywords.slice(0, KEYWORDS),
    price: prices(asset),
    size: data && { rows: data.content.rows, columns: data.columns.length },
    published: asset.published_at,
    orderable: asset.state === "active",
  };
}

export function card(shown: Card): Child {
  return [
    h("h2", null, h("a", { href: `#/assets/${shown.token}` }, shown.name)),
    h("p", { class: "clamp" }, shown.description),
    h(
      "ul",
      { class: "tags" },
      shown.keywords.map((word) => h("li", null, word)),
    ),
    h(
      "p",
      { class: "facts" },
      h("b", null, shown.price),
      shown.size
        ? [h("span", null, `${count(shown.size.rows)} rows`), h("span", null, `${count(shown.size.columns)} columns`)]
        : h("span", { class: "state" }, "Algorithm"),
      h("span", null, day(shown.published)),
      !shown.orderable && h("span", { class: "state" }, "No orders at the moment"),
    ),
  ];
}

/** Prices of the services, each once. */
function prices({ services }: Asset): string {
  const all = [...new Set(services.map(({ price }) => money(price)))].slice(0, 3);
  return all.length === 0 ? "Not sold" : all.map((price, at) => (at > 0 && price === "Free" ? "free" : price)).join(" or ");
}
