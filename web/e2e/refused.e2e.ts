/** Wallets and accounts that can not do what others can: each is told so, and what to do next. */

import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";

import { browser } from "./browser.ts";
import { act, keyOf, MEMBER_LIST, PUBLISHER } from "./market/chain.ts";
import { type Asset, FREE, give, sample, TOKEN } from "./market/shelf.ts";
import { atSale, heldTokens } from "./sale.ts";
import { Visit } from "./visit.ts";

let chromium: Browser;
let asset: Asset;

beforeAll(async () => {
  chromium = await browser();
  asset = await sample();
});

afterAll(async () => chromium.close());

test("a wallet that does not announce itself is found, used and remembered all the same", async () => {
  const { visit, page, panel, buy } = await atSale(chromium, asset, FREE, 4, { old: true });
  const had = await heldTokens(asset, FREE, 4);
  await buy.click();
  await panel.getByText("You hold a token of this data set").waitFor();
  expect(await heldTokens(asset, FREE, 4)).toBeGreaterThan(had);
  await page.reload();
  await page.getByTitle(visit.wallet.address).waitFor();
  expect(visit.wallet.shown("eth_requestAccounts").length).toBe(1);
  await visit.end();
});

test("without ether for the fee: told at the payment, and nothing is spent", async () => {
  // Nobody funded this account; it has test dollars only.
  const poor = 40;
  await give(keyOf(poor).address, 50_000_000n);
  const { visit, panel, buy } = await atSale(chromium, asset, TOKEN, poor);
  await buy.click();
  await panel.getByText("There is too little ether for the network's fee").waitFor();
  await panel.getByText("Send some to your account, then try again.").waitFor();
  expect(await heldTokens(asset, TOKEN, poor)).toBe(0n);
  await visit.look("no-ether");
  await visit.end();
});

test("not on the list: told before anything is signed; whom the publisher admits can order", async () => {
  const datatoken = asset.services[FREE]?.datatoken;
  const guest = await Visit.begin(chromium, 5);
  await guest.connect();
  await guest.open(`/assets/${asset.token_id}/train?service=${FREE}`);
  const order = guest.page.getByRole("button", { name: "Order for nothing" });
  await order.waitFor();

  const desk = await Visit.begin(chromium, PUBLISHER);
  await desk.connect();
  await desk.open("/desk");
  await desk.signIn();
  const offer = desk.page.locator(".panel").filter({ hasText: asset.name }).nth(FREE);
  try {
    await offer.getByText("Who may order").click();
    await offer.getByLabel("Contract that admits buyers").fill("the list");
    await offer.getByRole("button", { name: "Change who admits" }).click();
    await offer.getByText("Write one address, or nothing").waitFor();
    await offer.getByLabel("Contract that admits buyers").fill(MEMBER_LIST);
    await offer.getByRole("button", { name: "Change who admits" }).click();
    await offer.getByLabel("Accounts").waitFor({ state: "attached" });
    await offer.getByText("Who may order").click();

    await order.click();
    await guest.page.getByText("Your account is not on the list of who may order").waitFor();
    expect(guest.wallet.shown("eth_sendTransaction")).toEqual([]);
    await guest.look("not-admitted");

    await offer.getByLabel("Accounts").fill(guest.wallet.address);
    await desk.look("desk-admission");
    await offer.getByRole("button", { name: "Admit them", exact: true }).click();
    await desk.page.getByText("Done: the change of the list.").waitFor();
    guest.wallet.declines.add("personal_sign");
    await order.click();
    await guest.page.getByText("You declined to sign in").waitFor();
    expect(guest.wallet.shown("eth_sendTransaction").length).toBe(1);
    expect(desk.wallet.shown("eth_sendTransaction").length).toBe(2);
  } finally {
    await act(keyOf(PUBLISHER), { kind: "set_gate", datatoken, gate: null });
  }
  await desk.end();
  await guest.end();
});

test("given away a limited number of times: whoever had his share is told", async () => {
  const datatoken = asset.services[FREE]?.datatoken;
  await act(keyOf(PUBLISHER), { kind: "set_free_limits", datatoken, per_wallet: 1, total: null });
  try {
    const { visit, panel, buy } = await atSale(chromium, asset, FREE, 9);
    await panel.getByText("Given away: 1 for each account.").waitFor();
    await buy.click();
    await panel.getByText("You hold a token of this data set").waitFor();
    await buy.click();
    await panel.getByText("You have taken what one account may take for nothing").waitFor();
    expect(visit.wallet.shown("eth_sendTransaction").length).toBe(1);
    await visit.end();
  } finally {
    await act(keyOf(PUBLISHER), { kind: "set_free_limits", datatoken, per_wallet: null, total: null });
  }
});
