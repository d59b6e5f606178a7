/** A published service: its price, whether it is sold, and the asset's state. */

import type { Schema } from "../../api/client.ts";
import { field, select, typed } from "../../components/field.ts";
import { money, short, symbol, units } from "../../format.ts";
import { h } from "../../h.ts";
import { signal } from "../../signal.ts";
import { formatUnits } from "viem/utils";
import { STATES } from "../asset/page.ts";
import { admission } from "./admission.ts";
import { changes } from "./change.ts";

type Asset = Schema["Asset"];
type Service = Schema["Service"];
type State = Schema["AssetState"];

/** `changed` hears what has been done, since this is made anew then. */
export function offer(asset: Asset, service: Service, changed: (what: string) => void): HTMLElement {
  const { price, datatoken } = service;
  const { change, busy, state: progress } = changes(changed);
  const badPrice = signal<string | undefined>(undefined);
  let wanted = formatUnits(BigInt(price.amount), price.decimals);
  let state: State = asset.state;
  const setPrice = (): void => {
    const amount = units(wanted, price.decimals);
    badPrice.set(amount === undefined ? `Write a number with at most ${price.decimals} decimals, like 2.5` : undefined);
    if (amount !== undefined)
      change("the new price", (from) => ({ kind: "set_price", from, datatoken, price: amount.toString() }));
  };
  return h(
    "div",
    { class: "panel" },
    h(
      "div",
      { class: "spread" },
      h("h3", null, h("a", { href: `#/assets/${asset.token_id}` }, asset.name), h("span", { class: "state" }, handedOver(asset, service))),
      h("span", null, money(price), service.paused && h("span", { class: "state" }, "Sale paused")),
    ),
    h(
      "div",
      { class: "grid" },
      h(
        "form",
        { onsubmit: (event: Event) => (event.preventDefault(), setPrice()) },
        field(
          { label: `Price in ${symbol(price)}`, wrong: badPrice },
          h("input", { inputmode: "decimal", value: wanted, oninput: (event: Event) => (wanted = typed(event)) }),
        ),
        h("button", { disabled: busy }, "Change the price"),
      ),
      h(
        "form",
        {
          onsubmit: (event: Event) => (
            event.preventDefault(),
            change("the new state", (from) => ({ kind: "set_state", from, token_id: asset.token_id, state }))
          ),
        },
        field(
          { label: "State" },
          select(Object.entries(STATES), {
            value: asset.state,
            onchange: (event: Event) => (state = typed(event) as State),
          }),
        ),
        h("button", { disabled: busy }, "Change the state"),
      ),
      h(
        "div",
        null,
        h("p", { class: "label" }, "Sale"),
        h(
          "button",
          {
            type: "button",
            disabled: busy,
            onclick: () =>
              change(service.paused ? "the resumption of the sale" : "the pause of the sale", (from) => ({
                kind: "set_paused",
                from,
                datatoken,
                paused: !service.paused,
              })),
          },
          service.paused ? "Resume the sale" : "Pause the sale",
        ),
      ),
    ),
    admission(asset, service, change, busy),
    progress,
  );
}

function handedOver({ kind: asset }: Asset, { kind, provider }: Service): string {
  // An algorithm has a service for each provider.
  if (asset === "algorithm") return `Algorithm, for jobs of ${short(provider)}`;
  return kind === "download" ? "The data itself" : "Training";
}
