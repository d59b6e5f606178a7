/** A data set: what it holds, what may be done with it, what it costs. */

import type { Schema } from "../../api/client.ts";
import { hex } from "../../components/hex.ts";
import { type AssetDocument, targetOf } from "../../document.ts";
import { bytes, count, day } from "../../format.ts";
import { h } from "../../h.ts";
import { fact } from "./fact.ts";
import { joins, trusts } from "./further.ts";
import type { Parts } from "./page.ts";
import { policy } from "./policy.ts";
import { sale } from "./sale.ts";
import { sample } from "./sample.ts";
import { schema } from "./schema.ts";

type Asset = Schema["Asset"];

export function dataset(asset: Asset, document: AssetDocument): Parts {
  const { columns, policy: rules, sample_rows: rows = [] } = document["atoll:market"];
  const sold = new Set(asset.services.map(({ kind }) => kind));
  return {
    back: h("a", { href: "#/" }, "All data sets"),
    about: [
      h("section", null, h("p", null, asset.description), facts(asset, document)),
      h(
        "section",
        null,
        h("h2", null, "What may be done with it"),
        policy(rules, sold),
        sold.has("compute") && [joins(rules, asset.id), trusts(rules)],
      ),
      h("section", null, h("h2", null, `Columns (${count(columns.length)})`), schema(columns, rows, targetOf(document))),
      h("section", null, h("h2", null, "Sample rows"), sample(columns, rows)),
    ],
    sold: asset.services.map((service) => sale(asset, service)),
  };
}

function facts(asset: Asset, { "atoll:market": { content }, keywords = [], license, url }: AssetDocument): HTMLElement {
  return h(
    "dl",
    { class: "facts-list" },
    fact("Rows", `${count(content.rows)}, as the publisher declares`),
    fact("Licence", license),
    url !== undefined &&
      /^https?:\/\//.test(url) &&
      fact("Described at", h("a", { href: url, rel: "noreferrer noopener", target: "_blank" }, url)),
    keywords.length > 0 && fact("Keywords", keywords.join(", ")),
    fact("Publisher", hex(asset.publisher, "the publisher's address")),
    fact("Published", day(asset.published_at)),
    fact("Kept as", `${bytes(content.ciphertext_bytes)}, encrypted; the server has no key to it`),
    fact("Fingerprint of the description", hex(asset.metadata_hash, "the hash")),
  );
}
