/** Transactions that were sent and vanish: the page does not wait for them for ever, and says what to do. */

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";

import { browser } from "./browser.ts";
import { keyOf, rpc, transact } from "./market/chain.ts";
import { type Asset, FREE, sample } from "./market/shelf.ts";
import { atSale } from "./sale.ts";
import { Visit } from "./visit.ts";
import type { Wallet } from "./wallet/wallet.ts";

let chromium: Browser;
let asset: Asset;
const folder = mkdtempSync(join(tmpdir(), "atoll-dropped-"));

beforeAll(async () => {
  chromium = await browser();
  asset = await sample();
});

// The other tests need blocks.
afterEach(() => rpc("evm_setAutomine", [true]));

afterAll(async () => {
  rmSync(folder, { recursive: true });
  await chromium.close();
});

/** The one transaction of an account that waits for a block, once its wallet was asked for it. */
async function waiting(account: number, { lookedUp }: Wallet): Promise<string> {
  const { pending } = await rpc<{ pending: Record<string, Record<string, { hash: string }>> }>("txpool_content");
  const own = Object.entries(pending).find(([from]) => from.toLowerCase() === keyOf(account).address.toLowerCase())?.[1] ?? {};
  const [found, ...others] = Object.values(own);
  if (!found || others.length > 0) throw new Error(`${Object.keys(own).length} transactions wait`);
  await expect.poll(() => lookedUp.has(found.hash)).toBe(true);
  return found.hash;
}

/** Takes a transaction from the node, and puts another one with its number into a block. */
async function replace(account: number, wallet: Wallet): Promise<void> {
  const hash = await waiting(account, wallet);
  const { nonce } = await rpc<{ nonce: string }>("eth_getTransactionByHash", [hash]);
  await rpc("anvil_dropTransaction", [hash]);
  const key = keyOf(account);
  const other = await transact(key, { to: key.address, value: 1n, gas: 21_000n });
  expect((await rpc<{ nonce: string }>("eth_getTransactionByHash", [other])).nonce).toBe(nonce);
  await rpc("evm_mine");
}

const ON_ITS_WAY = "The network has it. It goes into one of the next blocks";

test("a payment that another transaction took the place of ends, and can be tried again", async () => {
  const { visit, panel, buy } = await atSale(chromium, asset, FREE, 6);
  await rpc("evm_setAutomine", [false]);
  await buy.click();
  await panel.getByText(ON_ITS_WAY).waitFor();
  await replace(6, visit.wallet);
  await panel.getByText("Another transaction took its place").waitFor();
  await panel.getByText("If you cancelled this one in your wallet, nothing was spent on it").waitFor();
  await visit.look("replaced");
  await rpc("evm_setAutomine", [true]);
  await buy.click();
  await panel.getByText("You hold a token of this data set").waitFor();
  await visit.end();
});

test("a payment that waits for a block is not given up, and one that nobody knows any more is", async () => {
  const prepare = async (page: Page): Promise<void> => page.clock.install();
  const { visit, page, panel, buy } = await atSale(chromium, asset, FREE, 6, { prepare });
  await rpc("evm_setAutomine", [false]);
  await buy.click();
  await panel.getByText(ON_ITS_WAY).waitFor();
  // Minutes pass in the page only.
  const pass = async (minutes: number): Promise<void> => {
    for (let seconds = 0; seconds < 60 * minutes; seconds += 30) {
      await page.clock.fastForward(30_000);
      await new Promise((done) => setTimeout(done, 300));
    }
  };
  await pass(4);
  await panel.getByText("It waits for long. Its fee may be too low").waitFor();
  await rpc("anvil_dropTransaction", [await waiting(6, visit.wallet)]);
  await pass(2);
  expect(await panel.getByText("The network does not know the transaction").count()).toBe(0);
  await pass(2);
  await panel.getByText("The network does not know the transaction").waitFor();
  await panel.getByText("if it is not there, try again").waitFor();
  await visit.end();
});

test("a publication that vanished is sent again as it is, and one that was sped up is not", async () => {
  const visit = await Visit.begin(chromium, 6);
  const { page, wallet } = visit;
  await visit.connect();
  await visit.open("/publish");
  const path = join(folder, "points.csv");
  writeFileSync(path, ["east,side", ...Array.from({ length: 60 }, (_, at) => `${at % 7},${at % 2 === 0 ? "left" : "right"}`)].join("\n"));
  await page.getByLabel("Drop a CSV or Parquet file here").setInputFiles(path);
  await page.getByText("60 rows in 2 columns").waitFor();
  await page.getByLabel("Name", { exact: true }).fill("Sent more than once");
  await page.getByLabel("Licence").fill("CC0-1.0");
  await page.getByLabel("Price of one job").fill("1");
  await page.getByLabel("I have compared this key").check();
  wallet.beforeSend = () => rpc("evm_setAutomine", [false]);
  await page.getByRole("button", { name: "Encrypt and publish" }).click();
  await page.getByText(ON_ITS_WAY).waitFor();
  await replace(6, visit.wallet);
  await page.getByText("Another transaction took its place").waitFor();

  // Again; this time the wallet sends the same thing under another hash, as if it were sped up.
  await page.getByRole("button", { name: "Go on" }).click();
  await page.getByText(ON_ITS_WAY).waitFor();
  const hash = await waiting(6, visit.wallet);
  const { to, input, gas } = await rpc<{ to: `0x${string}`; input: `0x${string}`; gas: string }>("eth_getTransactionByHash", [hash]);
  await rpc("anvil_dropTransaction", [hash]);
  // Not quite the same: it would have the same hash.
  await transact(keyOf(6), { to, data: input, gas: BigInt(gas) + 1n });
  await rpc("evm_mine");
  await page.getByText("Another transaction took its place").waitFor();
  await rpc("evm_setAutomine", [true]);
  const sent = wallet.shown("eth_sendTransaction").length;
  await page.getByRole("button", { name: "Go on" }).click();
  await page.getByText("It is published").waitFor();
  expect(wallet.shown("eth_sendTransaction").length).toBe(sent);
  await visit.end();
});
