/** An asset: what it is, what may be done with it, what it costs, how it has done. */

import { call, type Schema } from "../../api/client.ts";
import { load } from "../../components/load.ts";
import { hint } from "../../components/notice.ts";
import { algorithmOf, documentOf } from "../../document.ts";
import { type Child, h } from "../../h.ts";
import type { View } from "../../main.ts";
import { algorithm } from "./algorithm.ts";
import { dataset } from "./dataset.ts";
import { history } from "./history.ts";
import { statistics } from "./statistics.ts";

type Asset = Schema["Asset"];

export const STATES: Record<Schema["AssetState"], string> = {
  active: "Can be ordered",
  ordering_disabled: "Takes no orders at the moment",
  retired: "Retired: the publisher has ended it",
  revoked: "Revoked: it should not be used any more",
  unlisted: "Not in the catalogue; whoever has its address can order",
};

/** What is different from kind to kind. */
export interface Parts {
  /** To the others of its kind. */
  readonly back: HTMLElement;
  /** What it is, in sections. */
  readonly about: Child;
  /** What it costs. */
  readonly sold: Child;
}

export function assetPage({ id = "" }: Record<string, string>): View {
  const ask = (signal: AbortSignal): Promise<Asset> =>
    call("get", "/v1/assets/{token_id}", { path: { token_id: id }, signal });
  const body = h("div", null, load("Loading", ask, view));
  return { title: "Asset", body };
}

function view(asset: Asset): HTMLElement {
  const [data, written] = [documentOf(asset), algorithmOf(asset)];
  const parts = data ? dataset(asset, data) : written && algorithm(asset, written);
  if (!parts) return hint("This page does not know what kind of asset this is. Load it again.");
  globalThis.document.title = `${asset.name} · Atoll`;
  return h(
    "article",
    null,
    h("p", null, parts.back),
    h("h1", null, asset.name),
    asset.state !== "active" && hint(h("strong", null, STATES[asset.state])),
    h(
      "div",
      { class: "two" },
      h(
        "div",
        null,
        parts.about,
        h("section", null, h("h2", null, "How it has done"), statistics(asset)),
        h("section", null, h("h2", null, "What has changed"), history(asset)),
      ),
      h("aside", { "aria-label": "Price and order" }, parts.sold),
    ),
  );
}
