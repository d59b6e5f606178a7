/** A service: price, who fulfils it, and the ways to order. */

import { call, type Schema } from "../../api/client.ts";
import { hex } from "../../components/hex.ts";
import { load } from "../../components/load.ts";
import { failure, success } from "../../components/notice.ts";
import { steps } from "../../components/steps.ts";
import { connected } from "../../components/walletButton.ts";
import { documentOf } from "../../document.ts";
import { amount, count, money } from "../../format.ts";
import { h } from "../../h.ts";
import { PriceMoved, purchase, stepsOf, type Wanted } from "../../purchase/purchase.ts";
import type { Steps } from "../../purchase/steps.ts";
import { watchDatatoken } from "../../purchase/watchAsset.ts";
import { onEnd, signal } from "../../signal.ts";
import { ofWallet } from "../../wallet/refused.ts";
import { type Asked, pageOf } from "../train/asks.ts";

type Asset = Schema["Asset"];
type Service = Schema["Service"];

const ORDERABLE: readonly Schema["AssetState"][] = ["active", "unlisted"];

/** What one pays for, in the words of each kind of service. */
const WORDS = {
  compute: {
    title: "Train a model on it",
    free: "for one model. You pay only the network's fee.",
    paid: "for one model. It is held until the model is delivered, and comes back if it is not.",
    by: "Trained by",
    ready: "Ready to train",
    hold: "Buy now, train later",
  },
  download: {
    title: "Get the data itself",
    free: "for the table itself. You pay only the network's fee.",
    paid: "for the table itself, to keep. It is held until you are given the key to the data, and comes back if you are not.",
    by: "Handed over by",
    ready: "Ready to hand it over",
    hold: "Buy now, download later",
  },
} as const;

export function sale(asset: Asset, service: Service): HTMLElement {
  const words = WORDS[service.kind];
  const orderable = ORDERABLE.includes(asset.state) && !service.paused;
  const price = signal(service.price);
  return h(
    "section",
    { class: "panel" },
    h("h2", null, words.title),
    h("p", { class: "price" }, () => money(price())),
    h("p", { class: "quiet" }, () =>
      BigInt(price().amount) === 0n ? words.free : words.paid,
    ),
    service.paused && h("p", { class: "notice" }, "The publisher has paused the sale. Come back later."),
    limits(service),
    h("dl", { class: "facts-list" }, h("dt", null, words.by), h("dd", null, provider(service))),
    orderable && (service.kind === "compute" ? train(asset, service) : fetch(asset)),
    orderable && hold(asset, service, price),
    service.gate &&
      h(
        "p",
        { class: "quiet" },
        "Only accounts that the publisher admits may order. You are told before anything is paid.",
      ),
  );
}

/** What one order can be of: a model, or statistics where the publisher allows them. */
function train(asset: Asset, { service_index: service }: Service): HTMLElement[] {
  const page = (asked: Asked): string => pageOf(asked, asset.token_id, service);
  return [
    h("a", { class: "button primary", href: page("model") }, "Train a model"),
    ...(documentOf(asset)?.["atoll:market"].policy.statistics
      ? [h("a", { class: "button", href: page("statistics") }, "Ask for statistics")]
      : []),
  ];
}

/** The page opens no downloads: a table can be larger than a browser holds, and its key is the command line's. */
function fetch(asset: Asset): HTMLElement {
  return h(
    "div",
    null,
    h("p", null, "The command line buys it, fetches it and decrypts it on your computer:"),
    h("p", null, h("code", { class: "wide" }, `atoll download ${asset.token_id} --out table.csv`)),
  );
}

export function limits({ free_limits: free, price }: Service): HTMLElement | undefined {
  if (!free || BigInt(price.amount) > 0n) return undefined;
  const parts = [
    free.per_wallet && `${count(free.per_wallet)} for each account`,
    free.total && `${count(free.total)} in all`,
  ];
  return h("p", { class: "quiet" }, `Given away: ${parts.filter(Boolean).join(", ")}.`);
}

/** Whether a provider's machine is there. */
function provider({ provider: address, kind }: Service): HTMLElement {
  return h(
    "div",
    null,
    hex(address, "the provider's address"),
    load(
      "Asking",
      (signal) => call("get", "/v1/providers/{address}", { path: { address }, signal }).catch(() => undefined),
      (found) => [
        h(
          "div",
          null,
          h("span", { class: found?.online ? "dot-on" : "dot-off", "aria-hidden": "true" }),
          found?.online ? WORDS[kind].ready : "Not there at the moment",
        ),
        kind === "compute" &&
          found?.online &&
          found.status.sandbox.length > 0 &&
          h("div", { class: "quiet" }, `Seals its workers with ${found.status.sandbox.length} layers`),
      ],
    ),
  );
}

/** Buying a datatoken to hold: one is one order, and it can be given on. */
function hold(
  asset: Asset,
  service: Service,
  price: { (): Schema["Money"]; set(value: Schema["Money"]): void },
): HTMLElement {
  const running = signal<Steps | undefined>(undefined);
  const busy = signal(false);
  const wrong = signal<unknown>(undefined);
  const bought = signal(false);
  const watched = signal("");
  const stop = new AbortController();
  onEnd(() => stop.abort());
  const buy = async (): Promise<void> => {
    const wanted: Wanted = { asset, service: { ...service, price: price() }, agreed: price().amount };
    wrong.set(undefined);
    bought.set(false);
    busy.set(true);
    try {
      const account = await connected();
      const progress = stepsOf(wanted);
      running.set(progress);
      await purchase(account, wanted, progress, stop.signal);
      bought.set(true);
    } catch (error) {
      if (error instanceof PriceMoved) price.set(error.quote.price);
      wrong.set(error);
    } finally {
      busy.set(false);
    }
  };
  const watch = async (): Promise<void> => {
    try {
      const shown = await watchDatatoken(await connected(), service.datatoken);
      watched.set(shown ? "Your wallet shows it." : "Your wallet does not show it.");
    } catch (error) {
      wrong.set(ofWallet(error, "to show the token"));
    }
  };
  return h(
    "details",
    null,
    h("summary", null, WORDS[service.kind].hold),
    h(
      "p",
      { class: "quiet" },
      "You get a token that is worth one order of this data set. You can keep it or give it to somebody else.",
    ),
    h(
      "button",
      { type: "button", disabled: busy, onclick: () => void buy() },
      () => `Buy a token for ${BigInt(price().amount) === 0n ? "nothing" : amount(price().amount, price())}`,
    ),
    () => {
      const progress = running();
      return progress && steps(progress);
    },
    () => (wrong() === undefined ? undefined : failure(wrong())),
    () =>
      bought() &&
      success(
        "You hold a token of this data set",
        h(
          "p",
          null,
          service.kind === "compute"
            ? h(
                "a",
                { href: pageOf("model", asset.token_id, service.service_index, true) },
                "Train a model with it",
              )
            : ["Download the data with it: ", h("code", { class: "wide" }, `atoll download ${asset.token_id} --out table.csv --with-datatoken`)],
        ),
        h("button", { type: "button", onclick: () => void watch() }, "Show it in my wallet"),
        () => watched() && h("p", { role: "status" }, watched()),
      ),
  );
}
