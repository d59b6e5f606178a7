/** A data set in the catalogue, as little of it as its card shows: there may be very many. */

import type { Schema } from "../../api/client.ts";
import { documentOf } from "../../document.ts";
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
  readonly rows: number;
  readonly columns: number;
  readonly published: string;
  readonly orderable: boolean;
}

export function cardOf(asset: Asset): Card {
  const { "atoll:market": data, keywords = [] } = documentOf(asset);
  return {
    token: asset.token_id,
    name: asset.name,
    description: asset.description.slice(0, SHOWN),
    keywords: keywords.slice(0, KEYWORDS),
    price: prices(asset),
    rows: data.content.rows,
    columns: data.columns.length,
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
      h("span", null, `${count(shown.rows)} rows`),
      h("span", null, `${count(shown.columns)} columns`),
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
