import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";

import { browser } from "./browser.ts";
import { accuracy, accuracyIn } from "./evaluate.ts";
import { api, keyOf, PROVIDER } from "./market/chain.ts";
import { type Asset, FREE, give, sample, TOKEN } from "./market/shelf.ts";
import { Visit } from "./visit.ts";

const TABLE = new URL("../../data/breast_cancer.csv", import.meta.url).pathname;

let chromium: Browser;
let asset: Asset;

beforeAll(async () => {
  chromium = await browser();
  asset = await sample();
});

afterAll(async () => chromium.close());

async function save(page: Page, name: string, folder: string): Promise<string> {
  const [download] = await Promise.all([
    page.waitForEvent("download"),
    page.getByRole("button", { name: `Save ${name}` }).click(),
  ]);
  expect(download.suggestedFilename()).toBe(name);
  const path = join(folder, name);
  await download.saveAs(path);
  return path;
}

test("from a form to a decrypted model: paid once, watched while it learns, opened in this browser alone", async () => {
  await give(keyOf(6).address, 50_000_000n);
  const visit = await Visit.begin(chromium, 6);
  const { page, wallet } = visit;
  await visit.connect();
  await visit.open(`/assets/${asset.token_id}/train?service=${TOKEN}`);
  await page.getByLabel("Epochs").fill("40");
  await page.getByRole("button", { name: "Pay 5 tUSD and order" }).click();
  await page.getByText("Done", { exact: true }).first().waitFor();
  // One signature and one transaction to pay, one signature to sign in, one for the job: and each says what it is.
  expect(wallet.seen.map(({ method }) => method)).toEqual([
    "eth_requestAccounts",
    "eth_signTypedData_v4",
    "eth_sendTransaction",
    "personal_sign",
    "eth_signTypedData_v4",
  ]);
  expect(wallet.shown("personal_sign")[0]?.["text"]).toContain("This costs nothing and moves nothing.");
  const [request] = wallet.typed("JobRequest");
  const { orders } = await api<{ orders: string }>("GET", "/v1/market");
  expect(request?.domain).toMatchObject({ name: "Atoll", version: "1", verifyingContract: orders });
  await page.getByRole("img", { name: /^Loss on training rows: .* after epoch 40 of 40$/ }).waitFor();
  await page.getByRole("img", { name: /^Accuracy on held-out rows: .* after epoch 40 of 40$/ }).waitFor();
  await page.getByRole("button", { name: "Check and open the model" }).click();
  await page.getByText("the chain says that the order was fulfilled with this receipt").waitFor();
  await page.getByText("the opened model is the one in the receipt").waitFor();
  const matrix = page.getByRole("region", { name: "Confusion matrix" });
  for (const name of ["benign", "malignant"]) {
    await matrix.getByRole("row", { name: new RegExp(`^${name} .*%`) }).waitFor();
  }
  await visit.look("result");
  const folder = mkdtempSync(join(tmpdir(), "atoll-result-"));
  try {
    const [model, report] = [await save(page, "model.safetensors", folder), await save(page, "report.json", folder)];
    await save(page, "receipt.json", folder);
    const reached = accuracy(model, report, TABLE, "diagnosis");
    expect(reached).toBeGreaterThan(0.95);
    // The Python that the page offers, as a reader would run it beside the saved files, comes to the same.
    const snippet = await page.getByRole("region", { name: "Python" }).innerText();
    const python = process.env["PYTHON"];
    if (python) expect(accuracyIn(python, snippet, folder, TABLE, "diagnosis")).toBeCloseTo(reached, 6);
    else console.warn("PYTHON is not set, so the page's Python was not run");
  } finally {
    rmSync(folder, { recursive: true });
  }
  const job = page.url();
  // What was opened stays open when the last events come in after it.
  await page.route("**/v1/jobs/*/events", async (route) => {
    await new Promise((done) => setTimeout(done, 4_000));
    await route.continue();
  });
  await visit.open("/orders");
  await visit.open(new URL(job).hash.slice(1));
  const events = page.waitForResponse("**/v1/jobs/*/events");
  await page.getByRole("button", { name: "Check and open the model" }).click();
  await page.getByText("the opened model is the one in the receipt").waitFor();
  await events;
  await page.getByRole("cell", { name: "You", exact: true }).first().waitFor();
  expect(await page.getByText("the opened model is the one in the receipt").isVisible()).toBe(true);
  await page.unroute("**/v1/jobs/*/events");
  await visit.open("/orders");
  await page.getByText("Delivered and paid out").first().waitFor();
  await visit.look("orders");

  // Another browser with the same wallet sees the job, and can not open it: the key is not there.
  const other = await Visit.begin(chromium, 6);
  await other.connect();
  await other.open(new URL(job).hash.slice(1));
  await other.signIn();
  await other.page.getByRole("button", { name: "Check and open the model" }).click();
  await other.page.getByText("This browser does not have the key to this result").waitFor();
  await other.end();
  await visit.end();
});

test("a spec is tried for nothing on the sample, and what is wrong with it is told", async () => {
  const visit = await Visit.begin(chromium, 6);
  const { page, wallet } = visit;
  await visit.connect();
  await visit.open(`/assets/${asset.token_id}/train?service=${TOKEN}`);
  await page.getByLabel("Epochs").fill("30");
  const go = page.getByRole("button", { name: "Try on 12 sample rows" });
  await go.click();
  await page.getByText("It works on the 12 sample rows.").waitFor();
  await page.getByRole("img", { name: /^Loss on the sample: .* after epoch 30 of 30$/ }).waitFor();
  // Signed in, and nothing else.
  expect(wallet.seen.map(({ method }) => method)).toEqual(["eth_requestAccounts", "personal_sign"]);
  await visit.look("tried on the sample");
  await page.getByLabel("Column to predict").selectOption("mean_area");
  await page.getByLabel("Optimiser").selectOption("sgd");
  await page.getByLabel("Learning rate").fill("100");
  await go.click();
  await page.getByText("It does not work as it is.").waitFor();
  await page.getByText("Try again with a smaller learning rate.").waitFor();
  await page.getByLabel("Epochs").fill("0");
  expect(await go.isDisabled()).toBe(true);
  await visit.end();
});

test("a spec as JSON is checked while it is written", async () => {
  const visit = await Visit.begin(chromium, 6);
  const { page } = visit;
  await visit.open(`/assets/${asset.token_id}/train?service=${FREE}`);
  await page.getByRole("button", { name: "JSON" }).click();
  const text = page.getByLabel("Job spec, version 1");
  const spec = JSON.parse(await text.inputValue()) as { training: { epochs: number }; limits: { max_seconds: number } };
  const order = page.getByRole("button", { name: "Order for nothing" });
  expect(await order.isEnabled()).toBe(true);
  await text.fill("{");
  await page.locator("#spec-wrong").filter({ hasText: /./ }).waitFor();
  expect(await order.isDisabled()).toBe(true);
  spec.training.epochs = 0;
  spec.limits.max_seconds = 100_000;
  await text.fill(JSON.stringify(spec));
  await page.getByText("/training/epochs").waitFor();
  await page.getByText("/limits/max_seconds").waitFor();
  expect(await order.isDisabled()).toBe(true);
  spec.training.epochs = 3;
  spec.limits.max_seconds = 60;
  await text.fill(JSON.stringify(spec));
  await page.getByText("at most 1 minute").waitFor();
  await page.getByText("about 1 second by its provider's speed").waitFor();
  // The form shows what was written.
  await page.getByRole("button", { name: "Form" }).click();
  expect(await page.getByLabel("Epochs").inputValue()).toBe("3");
  await visit.end();
});

test("what is under More is in the spec, and the form keeps what it can not show", async () => {
  const visit = await Visit.begin(chromium, 6);
  const { page } = visit;
  await visit.open(`/assets/${asset.token_id}/train?service=${FREE}`);
  await page.getByText("More", { exact: true }).click();
  await page.getByLabel("Warm-up").fill("3");
  await page.getByLabel("Step size after that").selectOption("cosine");
  await page.getByLabel("Weight decay").fill("0.001");
  await visit.look("train-more");
  await page.getByRole("button", { name: "JSON" }).click();
  const text = page.getByLabel("Job spec, version 1");
  const spec = JSON.parse(await text.inputValue()) as { layers: object[] };
  expect(spec).toMatchObject({ schedule: { warm_up: 3, decay: { kind: "cosine" } }, optimizer: { weight_decay: 0.001 } });
  spec.layers.splice(1, 0, { kind: "layer_norm" });
  await text.fill(JSON.stringify(spec));
  await page.getByRole("button", { name: "Form" }).click();
  await page.getByText("These layers are finer than this form.").waitFor();
  expect(await page.getByLabel("Warm-up").inputValue()).toBe("3");
  await page.getByLabel("Learning rate").fill("0.02");
  await page.getByRole("button", { name: "JSON" }).click();
  expect(JSON.parse(await text.inputValue())).toMatchObject({ layers: spec.layers, optimizer: { learning_rate: 0.02 } });
  expect(await page.getByRole("button", { name: "Order for nothing" }).isEnabled()).toBe(true);
  await visit.end();
});

test("a job that is declined after the payment is found again, handed in and cancelled; the stake comes back", async () => {
  await give(keyOf(7).address, 50_000_000n);
  const visit = await Visit.begin(chromium, 7);
  const { page, wallet } = visit;
  await visit.connect();
  await visit.open(`/assets/${asset.token_id}/train?service=${TOKEN}`);
  await page.getByLabel("Epochs").fill("100000");
  await page.getByLabel("Seconds at most").fill("600");
  wallet.declines.add("personal_sign");
  await page.getByRole("button", { name: "Pay 5 tUSD and order" }).click();
  await page.getByText("You declined to sign in").waitFor();
  await page.getByText("Your order is paid and safe.").waitFor();
  wallet.declines.clear();
  await page.getByRole("link", { name: "See My orders" }).click();
  await visit.signIn();
  await page.getByRole("button", { name: "Sign the job" }).click();
  await page.getByText("Training", { exact: true }).first().waitFor();
  await page.getByRole("img", { name: /^Loss on training rows/ }).waitFor();
  await visit.look("running");
  await page.getByRole("button", { name: "Cancel the job" }).click();
  await page.getByText("You cancelled it.").waitFor();
  await visit.look("cancelled");
  await page.getByRole("link", { name: "My orders and jobs" }).first().click();
  await page.getByText("Ended; your payment came back").first().waitFor();
  await visit.end();

  // The provider's desk says what became of it.
  const provider = await Visit.begin(chromium, PROVIDER);
  await provider.connect();
  await provider.open("/desk");
  await provider.signIn();
  await provider.page.getByRole("region", { name: "Queue" }).getByText("The buyer cancelled it.").first().waitFor();
  await provider.look("desk-provider");
  await provider.end();
});
