/** Where a service of the sample is sold. */

import type { Browser, Locator, Page } from "playwright-core";

import { keyOf, rpc } from "./market/chain.ts";
import type { Asset } from "./market/shelf.ts";
import { type Options, Visit } from "./visit.ts";

interface AtSale {
  visit: Visit;
  page: Page;
  panel: Locator;
  buy: Locator;
}

/** A visitor at the asset's page, connected, before a service's button. */
export async function atSale(
  chromium: Browser,
  asset: Asset,
  service: number,
  account: number,
  options: Options = {},
): Promise<AtSale> {
  const visit = await Visit.begin(chromium, account, options);
  await visit.connect(options.old ? "This browser's wallet" : undefined);
  await visit.open(`/assets/${asset.token_id}`);
  const panel = visit.page.locator("aside section").nth(service);
  await panel.getByText("Buy now, train later").click();
  return { visit, page: visit.page, panel, buy: panel.getByRole("button", { name: /^Buy a token/ }) };
}

/** Datatokens of a service that an account holds, in base units. */
export async function heldTokens(asset: Asset, service: number, account: number): Promise<bigint> {
  const { datatoken } = asset.services[service] as Asset["services"][number];
  const data = `0x70a08231${keyOf(account).address.slice(2).toLowerCase().padStart(64, "0")}`;
  return BigInt(await rpc<string>("eth_call", [{ to: datatoken, data }, "latest"]));
}
