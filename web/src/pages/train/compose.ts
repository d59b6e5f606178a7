/** What both pages that order a job have: a spec that is written in a form or as JSON, and what stands against ordering it. */

import { call, type Schema } from "../../api/client.ts";
import { load } from "../../components/load.ts";
import type { AssetDocument } from "../../document.ts";
import { type Child, h } from "../../h.ts";
import type { Broken } from "../../job/check/rules.ts";
import type { View } from "../../main.ts";
import { type Signal, signal } from "../../signal.ts";

type Asset = Schema["Asset"];
type Service = Schema["Service"];

/** What the parts of such a page share: of a kind of spec, and what its check finds. */
export interface Composed<S, C> {
  readonly asset: Asset;
  readonly service: Service;
  readonly document: AssetDocument;
  readonly spec: Signal<S>;
  /** What is wrong with the JSON text at the moment, if it is being written. */
  readonly unread: Signal<string | undefined>;
  readonly checked: () => C;
  /** Paid: nothing can be changed any more. */
  readonly fixed: Signal<boolean>;
}

/** A spec to begin with. */
export function compose<S, C>(
  of: Pick<Composed<S, C>, "asset" | "service" | "document">,
  first: S,
  check: (spec: S, document: AssetDocument) => C,
): Composed<S, C> {
  const spec = signal(first);
  return {
    ...of,
    spec,
    unread: signal<string | undefined>(undefined),
    checked: () => check(spec(), of.document),
    fixed: signal(false),
  };
}

/** The page of the asset that the address names, and of the service and the held token that it may name. */
export function composing(
  title: string,
  view: (asset: Asset, service: number, held: boolean) => HTMLElement,
): (params: Record<string, string>, query: URLSearchParams) => View {
  return ({ id = "" }, query) => {
    const ask = (signal: AbortSignal): Promise<Asset> =>
      call("get", "/v1/assets/{token_id}", { path: { token_id: id }, signal });
    const [service, held] = [Number(query.get("service") ?? 0), query.get("held") === "1"];
    return { title, body: h("div", null, load("Loading the data set", ask, (asset) => view(asset, service, held))) };
  };
}

/** The service that the address names, or the first that computes. */
export function computing({ services }: Asset, index: number): Service | undefined {
  const computes = services.filter(({ kind }) => kind === "compute");
  return computes.find(({ service_index }) => service_index === index) ?? computes[0];
}

/** Two ways to write one spec. */
export function described(label: string, form: () => Child, json: () => Child): HTMLElement {
  const asJson = signal(false);
  const tab = (name: string, is: boolean): HTMLElement =>
    h(
      "button",
      {
        type: "button",
        "aria-pressed": () => String(asJson() === is),
        class: () => (asJson() === is ? "primary" : ""),
        onclick: () => asJson.set(is),
      },
      name,
    );
  return h(
    "div",
    null,
    h("div", { class: "row", role: "group", "aria-label": label }, tab("Form", false), tab("JSON", true)),
    h("div", { class: "describe" }, () => (asJson() ? json() : form())),
  );
}

/** Every rule that a spec breaks, with its place; nothing if there is none. */
export function broken(rules: readonly Broken[]): Child {
  return (
    rules.length > 0 &&
    h(
      "div",
      { class: "notice bad" },
      h("strong", null, "Before you can order"),
      h(
        "ul",
        null,
        rules.map(({ pointer, message }) => h("li", null, h("code", null, pointer), ` ${message}`)),
      ),
    )
  );
}
