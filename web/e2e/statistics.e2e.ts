import { readFileSync } from "node:fs";

import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";

import { readStatistics } from "../src/envelope/statistics.ts";
import { browser } from "./browser.ts";
import { keyOf } from "./market/chain.ts";
import { type Asset, give, sample, TOKEN } from "./market/shelf.ts";
import { Visit } from "./visit.ts";

let chromium: Browser;
let asset: Asset;

beforeAll(async () => {
  chromium = await browser();
  asset = await sample();
});

afterAll(async () => chromium.close());

test("from questions to answers with noise: paid once, opened in this browser, near the truth", async () => {
  await give(keyOf(7).address, 50_000_000n);
  const visit = await Visit.begin(chromium, 7);
  const { page, wallet } = visit;
  await visit.connect();
  await visit.open(`/assets/${asset.token_id}`);
  await page.locator("aside section").nth(TOKEN).getByRole("link", { name: "Ask for statistics" }).click();
  await page.getByRole("button", { name: "Mean", exact: true }).click();
  await page.getByRole("group", { name: "2. Mean" }).getByLabel("Column").selectOption("mean_radius");
  await page.getByRole("button", { name: "Quantiles", exact: true }).click();
  await visit.look("questions");
  await page.getByRole("button", { name: "Pay 5 tUSD and order" }).click();
  await page.getByText("Done", { exact: true }).first().waitFor();
  expect(wallet.typed("JobRequest")).toHaveLength(1);
  await page.getByRole("button", { name: "Check and open the statistics" }).click();
  await page.getByText("the opened statistics are those in the receipt").waitFor();
  await page.getByText("each question that you signed has its answer").waitFor();
  const table = page.getByRole("region", { name: "Rows by diagnosis" });
  for (const name of ["benign", "malignant"]) await table.getByRole("rowheader", { name }).waitFor();
  await visit.look("answers");
  const [download] = await Promise.all([
    page.waitForEvent("download"),
    page.getByRole("button", { name: "Save statistics.json" }).click(),
  ]);
  const { rows, answers } = readStatistics(JSON.parse(readFileSync(await download.path(), "utf8")));
  expect([rows, answers.length]).toEqual([569, 3]);
  const [first, second] = answers;
  if (first?.kind !== "histogram" || second?.kind !== "mean") throw new Error(JSON.stringify(answers));
  // 357 rows are benign and 212 malignant; their mean radius is 14.127. Six deviations are not exceeded by chance.
  [357, 212].forEach((truth, at) =>
    expect(Math.abs((first.counts[at] ?? Number.NaN) - truth)).toBeLessThan(6 * first.deviation + 1),
  );
  expect(Math.abs(second.mean - 14.127)).toBeLessThan(6 * second.deviation + 0.01);
  // Counts and means are of noise: exact ones would have none.
  expect(Math.min(first.deviation, second.deviation)).toBeGreaterThan(0);

  await visit.open("/orders");
  await page.getByText("Delivered and paid out").first().waitFor();
  await visit.end();
});
