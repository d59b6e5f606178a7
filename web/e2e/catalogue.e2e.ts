import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";

import { browser } from "./browser.ts";
import { sample } from "./market/shelf.ts";
import { Visit } from "./visit.ts";

let chromium: Browser;

beforeAll(async () => {
  chromium = await browser();
});

afterAll(async () => chromium.close());

test("the catalogue is searched and filtered, and says so when nothing fits", async () => {
  const visit = await Visit.begin(chromium, 5);
  const { page } = visit;
  const asset = await sample();
  const link = page.getByRole("link", { name: asset.name });
  await link.first().waitFor();
  await page.getByLabel("Search").fill("no such words anywhere");
  await page.getByText("Nothing fits").waitFor();
  expect(await link.count()).toBe(0);
  await page.getByLabel("Search").fill("cell nuclei");
  await link.first().waitFor();
  // Dearer than a dollar, so a limit of a dollar hides it, and its own price does not.
  const paidWith = page.getByLabel("Paid with");
  const dollar = await paidWith.getByRole("option", { name: /^tUSD \(/ }).getAttribute("value");
  await paidWith.selectOption(dollar);
  await page.getByLabel("At most").fill("1");
  await page.getByText("Nothing fits").waitFor();
  await page.getByLabel("At most").fill("5");
  await link.first().waitFor();
  await page.getByLabel("At most").fill("five");
  await page.getByText("Write a number").waitFor();
  // The address keeps what was asked for.
  expect(page.url()).toContain("most=five");
  await visit.end();
});

test("an asset's page shows columns with bounds, policy, price and history without a wallet", async () => {
  const visit = await Visit.begin(chromium, 5, { bare: true });
  const { page } = visit;
  const asset = await sample();
  await page.getByRole("link", { name: asset.name }).first().click();
  await page.getByRole("heading", { name: asset.name, level: 1 }).waitFor();
  const row = page.getByRole("row").filter({ has: page.getByRole("rowheader", { name: "mean_radius" }) });
  expect(await row.first().innerText()).toContain("6 to 22");
  const families = "linear regression, logistic regression, neural network (layers) or convolutional network";
  await page.getByText(`You may train: ${families}.`).waitFor();
  await page.getByText("Published", { exact: true }).last().waitFor();
  await page.getByText("Ready to train").first().waitFor();
  await page.getByText("5 ").first().waitFor();
  await page.getByRole("button", { name: "Connect wallet" }).click();
  await page.getByText("No wallet was found in this browser").waitFor();
  await visit.end();
});

test("every page can be reached and left by keyboard", async () => {
  const visit = await Visit.begin(chromium, 5);
  const { page } = visit;
  const asset = await sample();
  await page.getByRole("link", { name: asset.name }).first().waitFor();
  await page.keyboard.press("Tab");
  expect(await page.evaluate(() => document.activeElement?.textContent)).toBe("To the content");
  await page.keyboard.press("Enter");
  expect(await page.evaluate(() => document.activeElement?.id)).toBe("main");
  await page.getByRole("link", { name: asset.name }).first().focus();
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: asset.name, level: 1 }).waitFor();
  // What is new is where a screen reader goes on reading.
  expect(await page.evaluate(() => document.activeElement?.id)).toBe("main");
  await visit.end();
});

for (const [name, options] of [
  ["wide", {}],
  ["narrow", { narrow: true }],
  ["dark", { dark: true }],
] as const) {
  test(`catalogue, asset and both forms, ${name}: nothing serious is found, nothing overflows`, async () => {
    const visit = await Visit.begin(chromium, 5, options);
    const { page } = visit;
    const asset = await sample();
    // Only what is near the window is drawn, and other tests publish.
    await page.locator(".card").first().waitFor();
    await visit.look(`catalogue-${name}`);
    await visit.fits();
    await visit.open(`/assets/${asset.token_id}`);
    await page.getByText("Ready to train").first().waitFor();
    await page.getByText("Published", { exact: true }).last().waitFor();
    await visit.look(`asset-${name}`);
    await visit.fits();
    await visit.open(`/assets/${asset.token_id}/train`);
    await page.getByLabel("Column to predict").waitFor();
    await visit.look(`train-${name}`);
    await visit.fits();
    await page.getByRole("button", { name: "JSON" }).click();
    await visit.look(`train-json-${name}`);
    await visit.fits();
    await visit.open(`/assets/${asset.token_id}/statistics`);
    await page.getByRole("button", { name: "Quantiles", exact: true }).click();
    await page.getByLabel("Parts of the rows that lie below").waitFor();
    await visit.look(`statistics-${name}`);
    await visit.fits();
    await visit.end();
  });
}

test("the catalogue is narrowed by what there is, by keyboard, and its address can be shared", async () => {
  const visit = await Visit.begin(chromium, 5);
  const { page } = visit;
  const asset = await sample();
  await page.getByRole("link", { name: asset.name }).first().waitFor();
  const group = page.getByRole("region", { name: "Keyword" });
  const value = group.getByRole("link", { name: /^health\b/ });
  const counted = Number((await value.locator(".count").innerText()).match(/\d+/)?.[0]);
  await value.focus();
  await page.keyboard.press("Enter");
  await page.waitForFunction(() => location.hash.includes("keyword=health"));
  await group.locator('[aria-current="true"]').waitFor();
  await page.getByRole("status").filter({ hasText: new RegExp(`^${counted} data set`) }).waitFor();
  // The focus is where it was, though the links were made anew.
  expect(await page.evaluate(() => document.activeElement?.textContent)).toContain("health");
  const address = page.url();
  // The same address in another tab shows the same.
  const other = await visit.context.newPage();
  await other.goto(address);
  await other.getByRole("link", { name: asset.name }).first().waitFor();
  await other.locator('.facets [aria-current="true"]').waitFor();
  expect(await other.locator(".shelf > li").count()).toBe(counted);
  // A value that nothing has can still be left.
  await other.goto(`${address.split("#")[0]}#/?keyword=no%20such%20word`);
  await other.getByText("Nothing fits").waitFor();
  await other.getByRole("link", { name: /^no such word/ }).click();
  await other.getByRole("link", { name: asset.name }).first().waitFor();
  expect(new URL(other.url()).hash).toBe("#/");
  await other.close();
  await page.keyboard.press("Enter");
  await page.waitForFunction(() => !location.hash.includes("keyword"));
  await visit.end();
});
