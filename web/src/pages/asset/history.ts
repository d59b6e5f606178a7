/** Every change of an asset, newest first, in words. */

import { call, type Schema } from "../../api/client.ts";
import { hex } from "../../components/hex.ts";
import { load } from "../../components/load.ts";
import { when } from "../../components/when.ts";
import { money, short } from "../../format.ts";
import { h } from "../../h.ts";
import { STATES } from "./page.ts";

type Change = Schema["HistoryEntry"]["change"];

export function history({ token_id }: Schema["Asset"]): HTMLElement {
  return load(
    "Loading the history",
    (signal) => call("get", "/v1/assets/{token_id}/history", { path: { token_id }, query: { limit: 20 }, signal }),
    ({ items, next_cursor: more }) => [
      h(
        "div",
        { class: "scroll", tabindex: "0", role: "region", "aria-label": "History" },
        h(
          "table",
          null,
          h(
            "thead",
            null,
            h(
              "tr",
              null,
              ["When", "What", "Transaction"].map((name) => h("th", { scope: "col" }, name)),
            ),
          ),
          h(
            "tbody",
            null,
            items.map(({ at, change, transaction }) =>
              h(
                "tr",
                null,
                h("td", null, when(at)),
                h("td", null, words(change)),
                h("td", null, hex(transaction, "the transaction's hash")),
              ),
            ),
          ),
        ),
      ),
      more && h("p", { class: "quiet" }, "Older changes are in the API."),
    ],
  );
}

function words(change: Change): string {
  switch (change.kind) {
    case "published":
      return "Published";
    case "metadata_updated":
      return "New description published";
    case "service_added":
      return BigInt(change.price.amount) === 0n ? "Offered for nothing" : `Offered for ${money(change.price)}`;
    case "price_changed":
      return BigInt(change.price.amount) === 0n ? "Given away from then on" : `Price changed to ${money(change.price)}`;
    case "sale_paused":
      return change.paused ? "Sale paused" : "Sale resumed";
    case "referral_changed":
      return `Front ends that bring a buyer get ${change.basis_points / 100} % of the price`;
    case "free_limits_changed":
      return change.free_limits ? "What is given away was limited" : "What is given away is no longer limited";
    case "provider_changed":
      return `Orders go to ${short(change.provider)} from then on`;
    case "gate_changed":
      return change.gate ? "Only admitted accounts may order from then on" : "Everyone may order from then on";
    case "state_changed":
      return STATES[change.state];
    case "transferred":
      return `Given to ${short(change.to)}`;
  }
}
