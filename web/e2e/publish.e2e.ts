import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type { Page } from "playwright-core";
import { afterAll, expect, test } from "vitest";

import { browser } from "./browser.ts";
import { accuracy } from "./evaluate.ts";
import { api, MEMBER_LIST, rpc } from "./market/chain.ts";
import { NetworkLog } from "./networkLog.ts";
import { Visit } from "./visit.ts";

const folder = mkdtempSync(join(tmpdir(), "atoll-publish-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** Points and the side of a line that they are on. No cell is anywhere else in the world, and none is a bound. */
function points(rows: number): string[][] {
  const coordinate = (): number => Math.round((Math.random() * 1.8 - 0.9) * 1e12) / 1e12;
  return Array.from({ length: rows }, () => {
    const [x, y] = [coordinate(), coordinate()];
    return [x.toFixed(12), y.toFixed(12), x + 2 * y > 0 ? "above" : "below"];
  });
}

function save(name: string, rows: readonly string[][]): string {
  const path = join(folder, name);
  writeFileSync(path, ["east,north,side", ...rows.map((row) => row.join(","))].join("\n"));
  return path;
}

/** What is needed beside the table. */
async function describe(page: Page, name: string, price: string): Promise<void> {
  await page.getByLabel("Name", { exact: true }).fill(name);
  await page.getByLabel("Description").fill("Made by a test.");
  await page.getByLabel("Licence").fill("CC0-1.0");
  await page.getByLabel("Price of one job").fill(price);
  await page.getByLabel("I have compared this key").check();
}

async function publish(page: Page): Promise<string> {
  await page.getByRole("button", { name: "Encrypt and publish" }).click();
  const link = page.getByRole("link", { name: "See your data set" });
  await link.waitFor();
  const id = (await link.getAttribute("href"))?.split("/").pop() ?? "";
  expect(id).toMatch(/^\d+$/);
  return id;
}

interface Document {
  metadata: { "atoll:market": { columns: { name: string; type: { kind: string } }[]; content: { rows: number }; sample_rows?: string[][] } };
}

async function published(id: string): Promise<Document["metadata"]["atoll:market"]> {
  return (await api<Document>("GET", `/v1/assets/${id}`)).metadata["atoll:market"];
}

test("a CSV from this computer to a model that was trained on it; no cell leaves the browser in clear", async () => {
  const log = new NetworkLog();
  const chromium = await browser(log.arguments);
  const rows = points(400);
  const path = save("points.csv", rows);
  const visit = await Visit.begin(chromium, 8);
  const { page, wallet } = visit;
  await visit.connect();
  await visit.open("/publish");
  await page.getByLabel("Drop a CSV or Parquet file here").setInputFiles(path);
  await page.getByText("400 rows in 3 columns").waitFor();
  expect(await page.getByLabel("Lower bound of east").inputValue()).toBe("-1");
  // Declared by who knows the subject.
  await page.getByLabel("Upper bound of east").fill("1.5");
  await page.getByLabel("east in words").fill("To the right");
  const toPredict = page.getByLabel("What buyers most likely want to predict");
  expect(await toPredict.inputValue()).toBe("");
  await toPredict.selectOption("east");
  await page.getByLabel("Show row 1 to everyone").check();
  await describe(page, "Points of a test", "0");
  await visit.look("publish");
  const id = await publish(page);
  // Signing in and one transaction, nothing else.
  expect(wallet.seen.map(({ method }) => method)).toEqual(["eth_requestAccounts", "personal_sign", "eth_sendTransaction"]);
  await page.getByText("It can be seen now.").waitFor();
  await visit.look("published");
  // Two epochs of the chain later.
  await rpc("anvil_mine", ["0x46"]);
  await page.getByText("It is final").waitFor();
  const market = await published(id);
  expect(market.content.rows).toBe(400);
  expect(market.sample_rows).toEqual([rows[0]]);
  expect(market.columns[0]).toEqual({ name: "east", type: { kind: "number", min: -1, max: 1.5 }, description: "To the right" });

  // Each column is sketched, in words as well: the one row that is shown is in exactly one bar of each.
  await visit.open(`/assets/${id}`);
  const sketches = page.getByRole("img", { name: /^Sample rows by / });
  await sketches.first().waitFor();
  const words = await Promise.all((await sketches.all()).map((sketch) => sketch.getAttribute("aria-label")));
  expect(words.map((text) => text?.split(": ")[0])).toEqual(market.columns.map(({ name }) => `Sample rows by ${name}`));
  expect(words.map((text) => text?.match(/: 1$/)?.length ?? 0)).toEqual([1, 1, 1]);
  expect(words[2]).toBe(`Sample rows by side: ${rows[0]?.[2]}: 1`);
  const [, least, greatest] = (words[0] ?? "").match(/: (-?[\d.]+) to (-?[\d.]+): 1$/) ?? [];
  expect(Number(least)).toBeLessThanOrEqual(Number(rows[0]?.[0]) + 1e-3);
  expect(Number(greatest)).toBeGreaterThanOrEqual(Number(rows[0]?.[0]) - 1e-3);

  await page.getByRole("rowheader", { name: "east To predict" }).waitFor();

  await visit.open(`/assets/${id}/train`);
  // What is marked is suggested, and is no more than that.
  const predicted = page.getByLabel("Column to predict");
  expect(await predicted.inputValue()).toBe("east");
  await predicted.selectOption("side");
  // Who publishes says nothing of privacy and gets it: what is suggested has the noise that the policy asks for.
  await page.getByText(/^epsilon at most [23]\.\d\d of 3 per job$/).waitFor();
  await page.getByRole("button", { name: "Order for nothing" }).click();
  await page.getByRole("button", { name: "Check and open the model" }).click();
  await page.getByText("the opened model is the one in the receipt").waitFor();
  await page.getByText("Privacy spent (epsilon)").waitFor();
  const files = [];
  for (const name of ["model.safetensors", "report.json"]) {
    const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: `Save ${name}` }).click()]);
    files.push(join(folder, name));
    await download.saveAs(join(folder, name));
  }
  expect(accuracy(files[0] ?? "", files[1] ?? "", path, "side")).toBeGreaterThan(0.9);
  await visit.end();
  await chromium.close();

  const sent = log.sent();
  log.end();
  // The log is whole: the upload is in it, and so is the row that the publisher chose to show.
  expect(sent.includes("PATCH /v1/uploads/")).toBe(true);
  expect(sent.length).toBeGreaterThan(readFileSync(path).length);
  const cells = ([x = "", y = ""]: string[]) => [x, y].map((cell) => cell.replace(/^-?0\./, "").slice(0, 9));
  expect(cells(rows[0] ?? []).every((cell) => sent.includes(cell))).toBe(true);
  const leaked = rows.slice(1).flatMap(cells).filter((cell) => sent.includes(cell));
  expect(leaked).toEqual([]);
});

test("a Parquet file becomes the same kind of data set, and none of its cells leaves the browser", async () => {
  const log = new NetworkLog();
  const chromium = await browser(log.arguments);
  const visit = await Visit.begin(chromium, 9);
  const { page } = visit;
  await visit.connect();
  await visit.open("/publish");
  const tables = new URL("../test/tables/", import.meta.url).pathname;
  await page.getByLabel("Drop a CSV or Parquet file here").setInputFiles(`${tables}zstd.parquet`);
  await page.getByText("300 rows in 8 columns").waitFor();
  // A number can be made a category and back.
  const age = page.getByLabel("What age holds");
  await age.selectOption("category");
  await page.getByText("60 categories").waitFor();
  await page.getByLabel("What age holds").selectOption("number");
  await page.getByLabel("Lower bound of age").waitFor();
  await describe(page, "Patients of a test", "2.5");
  const market = await published(await publish(page));
  expect(market.content.rows).toBe(300);
  expect(market.sample_rows).toBeUndefined();
  expect(market.columns.map(({ type }) => type.kind).join(" ")).toBe("number number number number number category category category");
  await visit.end();
  await chromium.close();
  const sent = log.sent();
  log.end();
  expect(sent.includes("PATCH /v1/uploads/")).toBe(true);
  const cells = readFileSync(`${tables}table.csv`, "utf8").match(/\d+\.\d{9,}|10995\d{8}/g) ?? [];
  expect(cells.length).toBeGreaterThan(400);
  expect(cells.filter((cell) => sent.includes(cell))).toEqual([]);
});

test("what is wrong is told before anything is sent, and what was declined goes on where it stopped", async () => {
  const chromium = await browser();
  const visit = await Visit.begin(chromium, 8);
  const { page, wallet } = visit;
  const uploads: string[] = [];
  page.on("request", (request) => {
    if (request.url().includes("/v1/uploads")) uploads.push(request.method());
  });
  await visit.open("/publish");
  const table = page.getByLabel("Drop a CSV or Parquet file here");
  await table.setInputFiles(save("faulty.csv", [["0.5", "large", "above"], ["", "1", "below"], ["1", "2", "below"]]));
  await page.getByText('row 2 (line 3), column "east": the value is missing; fill it in').waitFor();
  await visit.look("publish-faults");
  const button = page.getByRole("button", { name: "Encrypt and publish" });
  expect(await button.isDisabled()).toBe(true);
  await page.getByText("Give the data set a name.").waitFor();

  await table.setInputFiles(save("few.csv", points(60)));
  await page.getByText("60 rows in 3 columns").waitFor();
  await describe(page, "Few points of a test", "0");
  await page.getByLabel("Rows a job needs at least").fill("61");
  await page.getByText("The table has 60 rows, fewer than the 61 that a job needs.").waitFor();
  await page.getByLabel("Rows a job needs at least").fill("60");
  await page.getByText("Who may order", { exact: true }).click();
  const gate = page.getByLabel("Contract that admits buyers");
  await gate.fill("everyone");
  await page.getByText("The contract that admits buyers: write one address, or nothing.").waitFor();
  await gate.fill(MEMBER_LIST);
  const each = page.getByLabel("Free orders for each account");
  await each.fill("0");
  await page.getByText("Free orders: write whole numbers from 1 on, or nothing.").waitFor();
  await each.fill("2");
  await page.getByLabel("Free orders in all").fill("100");
  await page.getByLabel("Upper bound of north").fill("-2");
  await page.getByText("the lower bound has to be below the upper one").first().waitFor();
  await page.getByLabel("Upper bound of north").fill("1");
  await page.getByLabel("Provider's wallet").fill(`0x${"12".repeat(20)}`);
  await page.getByText("No provider with this wallet has been online here").waitFor();
  expect(await button.isDisabled()).toBe(true);
  const { metadata } = (await api<{ items: { metadata: { "atoll:market": { provider: { wallet: string } } } }[] }>("GET", "/v1/assets")).items.at(-1) ?? {};
  await page.getByLabel("Provider's wallet").fill(metadata?.["atoll:market"].provider.wallet ?? "");
  await page.getByLabel("I have compared this key").check();
  expect(uploads).toEqual([]);

  await page.getByText("Then 2 more transactions").waitFor();
  await visit.connect();
  wallet.declines.add("eth_sendTransaction");
  await button.click();
  await page.getByText("You declined the publication").waitFor();
  const before = uploads.length;
  expect(before).toBeGreaterThan(0);
  wallet.declines.clear();
  await page.getByRole("button", { name: "Go on" }).click();
  await page.getByText("It is published").waitFor();
  expect(uploads.length).toBe(before);

  // What one transaction can not bring is offered at once, and done only when it is on the chain.
  const id = (await page.getByRole("link", { name: "See your data set" }).getAttribute("href"))?.split("/").pop() ?? "";
  const service = async () => (await api<{ services: { gate: string | null; free_limits: object | null }[] }>("GET", `/v1/assets/${id}`)).services[0];
  await page.getByRole("heading", { name: "Still to be set" }).waitFor();
  expect(await service()).toMatchObject({ gate: null, free_limits: null });
  await visit.look("published-to-be-set");
  wallet.declines.add("eth_sendTransaction");
  await page.getByRole("button", { name: "Set the limits" }).click();
  await page.getByText("You declined the limits").waitFor();
  wallet.declines.clear();
  await page.getByRole("button", { name: "Set the limits" }).click();
  await page.getByRole("button", { name: "Set the limits" }).waitFor({ state: "detached" });
  await page.getByRole("button", { name: "Set who admits buyers" }).click();
  await page.getByRole("heading", { name: "Everything is set" }).waitFor();
  const set = await service();
  expect(set).toMatchObject({ free_limits: { per_wallet: 2, total: 100 } });
  expect(set?.gate?.toLowerCase()).toBe(MEMBER_LIST.toLowerCase());
  await visit.end();
  await chromium.close();
});

for (const [name, options] of [["narrow", { narrow: true }], ["dark", { dark: true }]] as const) {
  test(`the form, ${name}: nothing serious is found, nothing overflows`, async () => {
    const chromium = await browser();
    const visit = await Visit.begin(chromium, 8, options);
    const { page } = visit;
    await visit.open("/publish");
    await page.getByLabel("Drop a CSV or Parquet file here").setInputFiles(save("points.csv", points(60)));
    await page.getByText("60 rows in 3 columns").waitFor();
    await page.getByLabel("I have compared this key").waitFor();
    await visit.look(`publish-${name}`);
    await visit.fits();
    await visit.end();
    await chromium.close();
  });
}
