/**
 * The chain replaces blocks that the market has read. The market stops for good then, so this is the last test, and it runs
 * only where the market is thrown away: with `LAST_RUN=1`.
 */

import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";

import { browser } from "./browser.ts";
import { api, rpc } from "./market/chain.ts";
import { FREE, sample } from "./market/shelf.ts";
import { atSale, heldTokens } from "./sale.ts";

let chromium: Browser;

beforeAll(async () => {
  chromium = await browser();
});

afterAll(async () => chromium.close());

async function caughtUp(): Promise<void> {
  const head = Number(await rpc<string>("eth_blockNumber"));
  for (;;) {
    const { indexed_block: indexed } = await api<{ indexed_block: number }>("GET", "/v1/market");
    if (indexed >= head) return;
    await new Promise((done) => setTimeout(done, 100));
  }
}

test.runIf(process.env["LAST_RUN"])("a reorganised chain: a payment under way is not lost, and no other one begins", async () => {
  const asset = await sample();
  const { visit, panel, buy } = await atSale(chromium, asset, FREE, 4);
  const had = await heldTokens(asset, FREE, 4);
  await rpc("anvil_mine", ["0x3"]);
  await caughtUp();
  // While the wallet's dialog is open.
  visit.wallet.beforeSend = async () => {
    await rpc("anvil_reorg", [2, []]);
  };
  await buy.click();
  await panel.getByText("The market has stopped reading the chain").waitFor();
  await panel.getByText("Do not pay again").waitFor();
  await panel.getByText("the chain was reorganised").waitFor();
  expect(await heldTokens(asset, FREE, 4)).toBeGreaterThan(had);
  await visit.look("reorganised");
  await buy.click();
  await panel.getByText("The market can not sell at the moment").waitFor();
  expect(visit.wallet.shown("eth_sendTransaction").length).toBe(1);
  await visit.end();
});
