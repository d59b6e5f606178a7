import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";

import { browser } from "./browser.ts";
import { act, keyOf, PUBLISHER } from "./market/chain.ts";
import { type Asset, ETHER, FREE, sample, TOKEN } from "./market/shelf.ts";
import { Visit } from "./visit.ts";

let chromium: Browser;
let asset: Asset;

beforeAll(async () => {
  chromium = await browser();
  asset = await sample();
});

afterAll(async () => chromium.close());

async function atDesk(account: number): Promise<Visit> {
  const visit = await Visit.begin(chromium, account);
  await visit.connect();
  await visit.open("/desk");
  await visit.signIn();
  await visit.page.getByRole("heading", { name: "Earnings" }).waitFor();
  return visit;
}

async function price(service: number): Promise<string | undefined> {
  return (await sample()).services[service]?.price.amount;
}

test("a publisher changes a price and pauses a sale, each with one transaction", async () => {
  const visit = await atDesk(PUBLISHER);
  const { page, wallet } = visit;
  const offer = (at: number) => page.locator(".panel").filter({ hasText: asset.name }).nth(at);
  await offer(TOKEN).getByLabel("Price in tUSD").fill("5.1234567");
  await offer(TOKEN).getByRole("button", { name: "Change the price" }).click();
  await offer(TOKEN).getByText("Write a number with at most 6 decimals").waitFor();
  expect(wallet.shown("eth_sendTransaction")).toEqual([]);
  await offer(TOKEN).getByLabel("Price in tUSD").fill("5.5");
  await offer(TOKEN).getByRole("button", { name: "Change the price" }).click();
  await offer(TOKEN).getByText("5.5 tUSD").waitFor();
  expect(await price(TOKEN)).toBe("5500000");
  await offer(TOKEN).getByLabel("Price in tUSD").fill("5");
  await offer(TOKEN).getByRole("button", { name: "Change the price" }).click();
  await offer(TOKEN).getByText("5 tUSD").first().waitFor();
  await offer(FREE).getByRole("button", { name: "Pause the sale" }).click();
  await offer(FREE).getByText("Sale paused").waitFor();
  await visit.look("desk-publisher");
  await offer(FREE).getByRole("button", { name: "Resume the sale" }).click();
  await offer(FREE).getByRole("button", { name: "Pause the sale" }).waitFor();
  expect(wallet.shown("eth_sendTransaction").length).toBe(4);
  await visit.end();
});

test("a publisher takes out what was earned", async () => {
  // Somebody buys, for ether.
  await act(keyOf(8), { kind: "buy", datatoken: asset.services[ETHER]?.datatoken });
  const visit = await atDesk(PUBLISHER);
  const { page } = visit;
  const earnings = page.locator("section").filter({ has: page.getByRole("heading", { name: "Earnings" }) });
  const ether = earnings
    .locator("p")
    .filter({ hasText: /ETH/ })
    .filter({ has: page.getByRole("button", { name: "Withdraw" }) });
  await ether.getByRole("button").click();
  await earnings.getByText("ETH are in your account.").waitFor();
  await ether.waitFor({ state: "detached" });
  expect(visit.wallet.shown("eth_sendTransaction").length).toBe(1);
  await visit.end();
});
