import { readFileSync } from "node:fs";

import type { Browser } from "playwright-core";
import { type Abi, decodeFunctionData, type Hex } from "viem";
import { afterAll, beforeAll, expect, test } from "vitest";

import { browser } from "./browser.ts";
import { act, api, keyOf, PUBLISHER } from "./market/chain.ts";
import { type Asset, ETHER, ETHER_PRICE, FREE, give, sample, TOKEN } from "./market/shelf.ts";
import { atSale, heldTokens } from "./sale.ts";

let chromium: Browser;
let asset: Asset;

beforeAll(async () => {
  chromium = await browser();
  asset = await sample();
});

afterAll(async () => chromium.close());

const DOLLARS = 1_000_000n;

const ONE = 10n ** 18n;

const MARKET = JSON.parse(readFileSync(new URL("../../contracts/abi/IMarket.json", import.meta.url), "utf8")) as Abi;

/** The most that a transaction lets the market take, and in what. */
function limits(transaction: Record<string, unknown> | undefined): { maxPrice: bigint; paymentToken: string } {
  const { args = [] } = decodeFunctionData({ abi: MARKET, data: transaction?.["data"] as Hex });
  const found = args.find((one) => typeof one === "object" && one !== null && "maxPrice" in one);
  return found as { maxPrice: bigint; paymentToken: string };
}

test("with a token: one signature, which says what it allows, and one transaction", async () => {
  await give(keyOf(4).address, 50n * DOLLARS);
  const { visit, page, panel, buy } = await atSale(chromium, asset, TOKEN, 4);
  const had = await heldTokens(asset, TOKEN, 4);
  await buy.click();
  await panel.getByText("You hold a token of this data set").waitFor();
  expect(await heldTokens(asset, TOKEN, 4)).toBe(had + ONE);
  const [permit, ...others] = visit.wallet.typed("Permit");
  expect(others).toEqual([]);
  const { market } = await api<{ market: string }>("GET", "/v1/market");
  const price = asset.services[TOKEN]?.price;
  expect(String(permit?.domain["verifyingContract"]).toLowerCase()).toBe(price?.token);
  expect(String(permit?.message["spender"]).toLowerCase()).toBe(market);
  expect(BigInt(String(permit?.message["value"]))).toBe(BigInt(price?.amount ?? 0));
  const [sent, ...more] = visit.wallet.shown("eth_sendTransaction");
  expect(more).toEqual([]);
  // Whatever allowance there is: a dearer price is refused by the contract.
  expect(limits(sent).maxPrice).toBe(BigInt(price?.amount ?? 0));
  expect(limits(sent).paymentToken.toLowerCase()).toBe(price?.token);
  expect(visit.wallet.shown("personal_sign")).toEqual([]);
  await panel.getByRole("button", { name: "Show it in my wallet" }).click();
  await panel.getByText("Your wallet shows it.").waitFor();
  expect(visit.wallet.shown("wallet_watchAsset")[0]).toMatchObject({
    type: "ERC20",
    options: { address: asset.services[TOKEN]?.datatoken, decimals: 18 },
  });
  await visit.look("bought");
  await page.close();
  await visit.end();
});

test("with ether: one transaction that carries the price, and no signature", async () => {
  const { visit, panel, buy } = await atSale(chromium, asset, ETHER, 4);
  const had = await heldTokens(asset, ETHER, 4);
  await buy.click();
  await panel.getByText("You hold a token of this data set").waitFor();
  expect(await heldTokens(asset, ETHER, 4)).toBe(had + ONE);
  const [sent, ...others] = visit.wallet.shown("eth_sendTransaction");
  expect(others).toEqual([]);
  expect(BigInt(String(sent?.["value"]))).toBe(ETHER_PRICE);
  expect(limits(sent).maxPrice).toBe(ETHER_PRICE);
  expect(visit.wallet.shown("eth_signTypedData_v4")).toEqual([]);
  await visit.end();
});

test("for nothing: one transaction that carries nothing", async () => {
  const { visit, panel, buy } = await atSale(chromium, asset, FREE, 4);
  const had = await heldTokens(asset, FREE, 4);
  await buy.click();
  await panel.getByText("You hold a token of this data set").waitFor();
  expect(await heldTokens(asset, FREE, 4)).toBe(had + ONE);
  expect(visit.wallet.shown("eth_sendTransaction").map(({ value }) => BigInt(String(value)))).toEqual([0n]);
  expect(visit.wallet.shown("eth_signTypedData_v4")).toEqual([]);
  await visit.end();
});

test("on another chain: the wallet is asked to add this one and to switch; whoever declines is told so", async () => {
  const { visit, page, panel, buy } = await atSale(chromium, asset, FREE, 4);
  const here = visit.wallet.chainId;
  visit.wallet.chains.delete(here);
  await visit.wallet.useChain("0x1");
  await page.getByRole("button", { name: /^Switch to/ }).waitFor();
  await visit.look("wrong-chain");
  visit.wallet.declines.add("wallet_addEthereumChain");
  await buy.click();
  await panel.getByText("You stayed on the other chain").waitFor();
  expect(visit.wallet.shown("eth_sendTransaction")).toEqual([]);
  visit.wallet.declines.clear();
  await buy.click();
  await panel.getByText("You hold a token of this data set").waitFor();
  expect(visit.wallet.shown("wallet_addEthereumChain").at(-1)).toMatchObject({
    chainId: here,
    chainName: "Atoll on this machine",
    nativeCurrency: { symbol: "ETH", decimals: 18 },
  });
  await page.getByRole("button", { name: /^Switch to/ }).waitFor({ state: "detached" });
  await visit.end();
});

test("declined: at the signature or at the payment, nothing is spent, and it says what to do", async () => {
  await give(keyOf(4).address, 50n * DOLLARS);
  const { visit, panel, buy } = await atSale(chromium, asset, TOKEN, 4);
  const had = await heldTokens(asset, TOKEN, 4);
  visit.wallet.declines.add("eth_signTypedData_v4");
  await buy.click();
  await panel.getByText("You declined the permission to take the price").waitFor();
  await panel.getByText("Nothing was spent. Start again whenever you like.").waitFor();
  await visit.look("declined");
  visit.wallet.declines.clear();
  visit.wallet.declines.add("eth_sendTransaction");
  await buy.click();
  await panel.getByText("You declined the payment").waitFor();
  expect(await heldTokens(asset, TOKEN, 4)).toBe(had);
  visit.wallet.declines.clear();
  await buy.click();
  await panel.getByText("You hold a token of this data set").waitFor();
  await visit.end();
});

test("too little balance: told before anything is signed, with what is missing", async () => {
  // Nobody gave this account test dollars.
  const { visit, panel, buy } = await atSale(chromium, asset, TOKEN, 9);
  await buy.click();
  await panel.getByText("Your balance is too low").waitFor();
  expect(visit.wallet.shown("eth_signTypedData_v4")).toEqual([]);
  expect(visit.wallet.shown("eth_sendTransaction")).toEqual([]);
  await visit.look("balance");
  await visit.end();
});

test("paused: told on the page and, if it comes later, before anything is signed", async () => {
  const { visit, page, panel, buy } = await atSale(chromium, asset, FREE, 4);
  const datatoken = asset.services[FREE]?.datatoken;
  await buy.waitFor();
  await act(keyOf(PUBLISHER), { kind: "set_paused", datatoken, paused: true });
  try {
    await buy.click();
    await panel.getByText("The sale is paused").waitFor();
    expect(visit.wallet.shown("eth_sendTransaction")).toEqual([]);
    await page.reload();
    await panel.getByText("The publisher has paused the sale.").waitFor();
  } finally {
    await act(keyOf(PUBLISHER), { kind: "set_paused", datatoken, paused: false });
  }
  await visit.end();
});

test("the price moved: a dearer one is shown and asked for again, before and after the signature", async () => {
  await give(keyOf(4).address, 50n * DOLLARS);
  const { visit, panel, buy } = await atSale(chromium, asset, TOKEN, 4);
  const had = await heldTokens(asset, TOKEN, 4);
  const datatoken = asset.services[TOKEN]?.datatoken;
  const price = (dollars: bigint): Promise<void> =>
    act(keyOf(PUBLISHER), { kind: "set_price", datatoken, price: (dollars * DOLLARS).toString() });
  await buy.waitFor();
  try {
    // Between what the visitor saw and the quote.
    await price(6n);
    await buy.click();
    await panel.getByText("The price has changed").waitFor();
    await panel.getByText("You agreed to 5 tUSD, and it is 6 tUSD now.").waitFor();
    expect(visit.wallet.shown("eth_signTypedData_v4")).toEqual([]);
    await panel.getByRole("button", { name: "Buy a token for 6 tUSD" }).waitFor();
    await visit.look("price-moved");
    // While the wallet's dialog for the payment is open: the chain itself refuses.
    visit.wallet.beforeSend = () => price(7n);
    await buy.click();
    await panel.getByText("You agreed to 6 tUSD, and it is 7 tUSD now.").waitFor();
    expect(await heldTokens(asset, TOKEN, 4)).toBe(had);
  } finally {
    visit.wallet.beforeSend = undefined;
    await price(5n);
  }
  await visit.end();
});
