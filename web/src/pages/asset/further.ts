/** What a data set's policy says of other assets: which may be joined to it, and which algorithms alone it runs. */

import { ofOneMarket, tokenOf } from "../../assetId.ts";
import { assetLink } from "../../components/assetLink.ts";
import { hex } from "../../components/hex.ts";
import type { Policy, Trusted } from "../../document.ts";
import { type Child, h } from "../../h.ts";

/** Most data sets that are asked for their titles, each with a request. */
const NAMED = 8;

/** `own` is the id of the asset whose policy it is. */
export function joins({ join_with: others = [] }: Policy, own: string): Child {
  if (others.length === 0) return undefined;
  return [
    h("h3", null, "May be joined with"),
    h("ul", { class: "policy" }, others.map((id, at) => h("li", null, other(id, own, at < NAMED)))),
    h(
      "p",
      { class: "quiet" },
      "A model can learn from the rows of several data sets of one provider together, if each names the others. Such a job is ordered with the command line.",
    ),
  ];
}

function other(id: string, own: string, named: boolean): HTMLElement {
  if (!ofOneMarket(id, own)) return h("code", { class: "wide" }, id);
  const token = tokenOf(id);
  return named ? assetLink(id, token) : h("a", { href: `#/assets/${token}` }, token);
}

export function trusts({ trusted_algorithms: trusted }: Policy): Child {
  if (!trusted) return undefined;
  return [
    h("h3", null, "Runs only these algorithms"),
    h("ul", { class: "policy" }, trusted.map((one) => h("li", null, words(one)))),
    h("p", { class: "quiet" }, "They are found under ", h("a", { href: "#/?kind=algorithm" }, "Algorithms"), ", each with its hash and its author."),
  ];
}

function words(one: Trusted): Child {
  return one.kind === "algorithm"
    ? ["The algorithm with the hash ", hex(one.hash, "the algorithm's hash")]
    : ["Every algorithm of the author ", hex(one.wallet, "the author's address")];
}
