/** An algorithm: what it trains and how, how a job uses it, and what that costs. */

import type { Schema } from "../../api/client.ts";
import { withAlgorithm } from "../../components/commands.ts";
import { hex } from "../../components/hex.ts";
import type { AlgorithmDocument, Template } from "../../document.ts";
import { day, money } from "../../format.ts";
import { type Child, h } from "../../h.ts";
import { inWords, templateHash } from "../../job/template.ts";
import { fact } from "./fact.ts";
import type { Parts } from "./page.ts";
import { limits } from "./sale.ts";

type Asset = Schema["Asset"];
type Service = Schema["Service"];

export function algorithm(asset: Asset, document: AlgorithmDocument): Parts {
  const { template } = document["atoll:algorithm"];
  return {
    back: h("a", { href: "#/?kind=algorithm" }, "All algorithms"),
    about: [
      h("section", null, asset.description !== "" && h("p", null, asset.description), facts(asset, document)),
      h("section", null, h("h2", null, "What it trains"), described(template)),
      h("section", null, h("h2", null, "How to use it"), usage(asset)),
    ],
    sold: offers(asset),
  };
}

function facts(asset: Asset, { keywords = [], license, "atoll:algorithm": { template } }: AlgorithmDocument): HTMLElement {
  return h(
    "dl",
    { class: "facts-list" },
    fact("Kind", "Algorithm"),
    fact("Licence", license),
    keywords.length > 0 && fact("Keywords", keywords.join(", ")),
    fact("Author", hex(asset.publisher, "the author's address")),
    fact("Published", day(asset.published_at)),
    fact("Hash of the algorithm", hex(templateHash(template), "the algorithm's hash")),
    fact("Fingerprint of the description", hex(asset.metadata_hash, "the hash")),
  );
}

function described(template: Template): HTMLElement {
  return h(
    "dl",
    { class: "facts-list" },
    inWords(template).map(([name, value]) =>
      fact(name, typeof value === "string" ? value : h("ol", null, value.map((one) => h("li", null, one)))),
    ),
  );
}

function usage({ token_id }: Asset): Child {
  return [
    h(
      "p",
      null,
      "A job spec of your own says which data, seeds and limits. The command line puts this algorithm in the place of its model, then orders the data set and the algorithm together:",
    ),
    withAlgorithm(token_id, "DATASET"),
    h(
      "p",
      { class: "quiet" },
      "DATASET is the number in the address of the data set's page. Its provider has to be one whose jobs this algorithm is sold for.",
    ),
  ];
}

function offers({ services }: Asset): HTMLElement {
  return h(
    "section",
    { class: "panel" },
    h("h2", null, "What its use costs"),
    services.length === 0
      ? h("p", null, "It is not sold.")
      : [
          h("ul", { class: "policy" }, services.map((service) => h("li", null, offer(service)))),
          h(
            "p",
            { class: "quiet" },
            "For one job, beside the price of the data set. It is held until the model is delivered, and comes back if it is not.",
          ),
        ],
  );
}

function offer(service: Service): Child {
  const { provider, price, paused, gate } = service;
  return [
    "For jobs of provider ",
    hex(provider, "the provider's address"),
    ": ",
    h("b", null, money(price)),
    paused && h("p", { class: "quiet" }, "The author has paused the sale."),
    limits(service),
    gate && h("p", { class: "quiet" }, "Only accounts that the author admits may order."),
  ];
}
