/** An asset: what it holds, what may be done with it, what it costs, how it has done. */

import { call, type Schema } from "../../api/client.ts";
import { hex } from "../../components/hex.ts";
import { load } from "../../components/load.ts";
import { hint } from "../../components/notice.ts";
import { documentOf, targetOf } from "../../document.ts";
import { bytes, count, day } from "../../format.ts";
import { h } from "../../h.ts";
import type { View } from "../../main.ts";
import { history } from "./history.ts";
import { policy } from "./policy.ts";
import { sale } from "./sale.ts";
import { sample } from "./sample.ts";
import { schema } from "./schema.ts";
import { statistics } from "./statistics.ts";

type Asset = Schema["Asset"];

export const STATES: Record<Schema["AssetState"], string> = {
  active: "Can be ordered",
  ordering_disabled: "Takes no orders at the moment",
  retired: "Retired: the publisher has ended it",
  revoked: "Revoked: it should not be used any more",
  unlisted: "Not in the catalogue; whoever has its address can order",
};

export function assetPage({ id = "" }: Record<string, string>): View {
  const ask = (signal: AbortSignal): Promise<Asset> =>
    call("get", "/v1/assets/{token_id}", { path: { token_id: id }, signal });
  const body = h("div", null, load("Loading the data set", ask, view));
  return { title: "Data set", body };
}

function view(asset: Asset): HTMLElement {
  const document = documentOf(asset);
  const { content, columns, sample_rows: rows = [] } = document["atoll:market"];
  const sold = new Set(asset.services.map(({ kind }) => kind));
  globalThis.document.title = `${asset.name} · Atoll`;
  return h(
    "article",
    null,
    h("p", null, h("a", { href: "#/" }, "All data sets")),
    h("h1", null, asset.name),
    asset.state !== "active" && hint(h("strong", null, STATES[asset.state])),
    h(
      "div",
      { class: "two" },
      h(
        "div",
        null,
        h("section", null, h("p", null, asset.description), facts(asset)),
        h("section", null, h("h2", null, "What may be done with it"), policy(document["atoll:market"].policy, sold)),
        h("section", null, h("h2", null, `Columns (${count(columns.length)})`), schema(columns, rows, targetOf(document))),
        h("section", null, h("h2", null, "Sample rows"), sample(columns, rows)),
        h("section", null, h("h2", null, "How it has done"), statistics(asset)),
        h("section", null, h("h2", null, "What has changed"), history(asset)),
      ),
      h(
        "aside",
        { "aria-label": "Price and order" },
        asset.services.map((service) => sale(asset, service)),
      ),
    ),
  );

  function facts(asset: Asset): HTMLElement {
    const keywords = document.keywords ?? [];
    return h(
      "dl",
      { class: "facts-list" },
      fact("Rows", `${count(content.rows)}, as the publisher declares`),
      fact("Licence", document.license),
      document.url !== undefined &&
        /^https?:\/\//.test(document.url) &&
        fact(
          "Described at",
          h("a", { href: document.url, rel: "noreferrer noopener", target: "_blank" }, document.url),
        ),
      keywords.length > 0 && fact("Keywords", keywords.join(", ")),
      fact("Publisher", hex(asset.publisher, "the publisher's address")),
      fact("Published", day(asset.published_at)),
      fact("Kept as", `${bytes(content.ciphertext_bytes)}, encrypted; the server has no key to it`),
      fact("Fingerprint of the description", hex(asset.metadata_hash, "the hash")),
    );
  }
}

function fact(name: string, value: string | HTMLElement): HTMLElement[] {
  return [h("dt", null, name), h("dd", null, value)];
}
