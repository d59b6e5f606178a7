import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";

import { browser } from "./browser.ts";
import { api, keyOf } from "./market/chain.ts";
import { type Asset, give, sample, TOKEN } from "./market/shelf.ts";
import { Visit } from "./visit.ts";

const PASSPHRASE = "seven small boats at dusk";
const folder = mkdtempSync(join(tmpdir(), "atoll-keys-"));

let chromium: Browser;
let asset: Asset;

beforeAll(async () => {
  chromium = await browser();
  asset = await sample();
});

afterAll(async () => {
  await chromium.close();
  rmSync(folder, { recursive: true });
});

async function make(page: Page): Promise<string> {
  await page.getByLabel("Passphrase", { exact: true }).fill(PASSPHRASE);
  await page.getByLabel("Passphrase again").fill(PASSPHRASE);
  const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "Make a key and save its backup" }).click()]);
  expect(download.suggestedFilename()).toMatch(/^atoll-key-[0-9a-f]{8}\.json$/);
  const path = join(folder, download.suggestedFilename());
  await download.saveAs(path);
  await page.getByText("The key is made and its backup saved").waitFor();
  return path;
}

/** What a script on the page can get of the keys that the browser holds. */
function taken(page: Page): Promise<{ extractable: boolean; exported: string }[]> {
  return page.evaluate(async () => {
    const done = <T>(request: IDBRequest<T>) => new Promise<T>((resolve) => (request.onsuccess = () => resolve(request.result)));
    const database = await done(indexedDB.open("atoll"));
    const keys = await done(database.transaction("keys").objectStore("keys").getAll());
    database.close();
    return Promise.all(
      (keys as { privateKey: CryptoKey }[]).map(async ({ privateKey }) => ({
        extractable: privateKey.extractable,
        exported: await Promise.any(["pkcs8", "jwk", "raw"].map((form) => crypto.subtle.exportKey(form as "jwk", privateKey))).then(() => "all of it", () => "nothing"),
      })),
    );
  });
}

test("a key is made with a backup, registered by a signature that says what it is, and can not be taken out", async () => {
  const visit = await Visit.begin(chromium, 4);
  const { page, wallet } = visit;
  await visit.connect();
  await visit.open("/keys");
  await page.getByText("This browser has no key of this account yet").waitFor();
  const button = page.getByRole("button", { name: "Make a key and save its backup" });
  await page.getByLabel("Passphrase", { exact: true }).fill("too short");
  await page.getByText("At least 12 characters.").waitFor();
  await page.getByLabel("Passphrase", { exact: true }).fill(PASSPHRASE);
  await page.getByLabel("Passphrase again").fill(`${PASSPHRASE}!`);
  await page.getByText("The two differ.").waitFor();
  expect(await button.isDisabled()).toBe(true);
  const backup = JSON.parse(readFileSync(await make(page), "utf8")) as { account: string; public_key: string };
  expect(backup.account).toBe(wallet.address);
  await page.getByRole("cell", { name: "Backed up" }).waitFor();
  expect(await taken(page)).toEqual([{ extractable: false, exported: "nothing" }]);

  wallet.declines.add("eth_signTypedData_v4");
  await page.getByRole("button", { name: "Register by signature" }).click();
  await page.getByText("You declined to sign for the key").waitFor();
  wallet.declines.clear();
  await page.getByRole("button", { name: "Register by signature" }).click();
  await page.getByText("The key is registered").waitFor();
  const signed = wallet.typed("KeyRegistration").at(-1)?.message;
  expect(signed).toMatchObject({ account: wallet.address, purpose: "consumer", key: backup.public_key });
  const known = await api<{ key: string }>("GET", `/v1/accounts/${wallet.address}/keys/consumer`);
  expect(known.key).toBe(backup.public_key);
  await page.getByRole("cell", { name: "Others seal to it" }).waitFor();
  await visit.look("keys");
  // It is there again when the page is.
  await page.reload();
  await page.getByRole("cell", { name: "Backed up" }).waitFor();
  await visit.end();
});

test("a result is opened in a new browser with the key from its backup, and not without", async () => {
  await give(keyOf(3).address, 50_000_000n);
  const visit = await Visit.begin(chromium, 3);
  const { page } = visit;
  await visit.connect();
  await visit.open(`/assets/${asset.token_id}/train?service=${TOKEN}`);
  const advice = page.getByText("Your model will open in this browser only.");
  await advice.waitFor();
  await page.getByRole("link", { name: "make a key with a backup" }).click();
  const backup = await make(page);
  await visit.open(`/assets/${asset.token_id}/train?service=${TOKEN}`);
  await page.getByLabel("Epochs").fill("2");
  expect(await advice.count()).toBe(0);
  await page.getByRole("button", { name: "Pay 5 tUSD and order" }).click();
  await page.getByRole("button", { name: "Check and open the model" }).waitFor();
  const job = new URL(page.url()).hash.slice(1);
  await visit.end();

  const other = await Visit.begin(chromium, 3);
  const open = other.page.getByRole("button", { name: "Check and open the model" });
  await other.connect();
  await other.open(job);
  await other.page.getByRole("button", { name: "Sign in" }).click();
  await open.click();
  await other.page.getByText("This browser does not have the key to this result").waitFor();
  await other.open("/keys");
  await other.page.getByLabel("Backup file").setInputFiles(backup);
  await other.page.getByLabel("Its passphrase").fill("seven small boats at dawn");
  await other.page.getByRole("button", { name: "Bring it back" }).click();
  await other.page.getByText("This passphrase does not open the backup.").waitFor();
  await other.page.getByLabel("Its passphrase").fill(PASSPHRASE);
  await other.page.getByRole("button", { name: "Bring it back" }).click();
  await other.page.getByText("The key is back").waitFor();
  expect(await taken(other.page)).toEqual([{ extractable: false, exported: "nothing" }]);
  await other.open(job);
  await open.click();
  await other.page.getByText("the opened model is the one in the receipt").waitFor();
  await other.end();
});
