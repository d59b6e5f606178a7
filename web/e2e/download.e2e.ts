/** What is said of data sets whose table itself is for sale: nothing that is true of models only. */

import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";

import { browser } from "./browser.ts";
import { act, api, keyOf, PROVIDER, PUBLISHER } from "./market/chain.ts";
import { type Asset, sample } from "./market/shelf.ts";
import { Visit } from "./visit.ts";

let chromium: Browser;

beforeAll(async () => {
  chromium = await browser();
});

afterAll(async () => chromium.close());

interface Described extends Asset {
  metadata: { name: string; description: string; keywords: string[]; "atoll:market": Record<string, unknown> };
}

const DOWNLOAD = { kind: "download", valid_for_seconds: 86_400 };

/** An asset with the sample's columns, whose services are these. Nobody opens its content. */
async function publish(name: string, services: readonly object[]): Promise<Described> {
  const { metadata } = (await sample()) as Described;
  const declared = services.map((service, service_index) => ({ ...service, service_index }));
  const changed = {
    ...metadata,
    ...{ name, description: "Made by a test.", keywords: ["test"] },
    "atoll:market": { ...metadata["atoll:market"], services: declared },
  };
  const service = { provider: keyOf(PROVIDER).address, payment_token: null, price: "0" };
  await act(keyOf(PUBLISHER), { kind: "publish", metadata: changed, service });
  const query = `/v1/assets?q=${encodeURIComponent(name)}`;
  const [{ token_id } = { token_id: "" }] = (await api<{ items: Described[] }>("GET", query)).items;
  for (const _ of services.slice(1)) await act(keyOf(PUBLISHER), { kind: "add_service", token_id, service });
  return api<Described>("GET", `/v1/assets/${token_id}`);
}

test("a table that is for sale beside training: each service says what it hands over", async () => {
  const asset = await publish("Dunes to train on or to keep", [{ kind: "compute" }, DOWNLOAD]);
  const visit = await Visit.begin(chromium, 5);
  const { page } = visit;
  await visit.connect();
  await visit.open(`/assets/${asset.token_id}`);
  const [training, table] = [0, 1].map((at) => page.locator("aside section").nth(at));
  await training?.getByText("for one model").waitFor();
  await training?.getByRole("link", { name: "Train a model" }).waitFor();
  await table?.getByText("for the table itself").waitFor();
  await table?.getByText("Ready to hand it over").waitFor();
  await table?.getByText(`atoll download ${asset.token_id} --out table.csv`).waitFor();
  expect(await table?.textContent()).not.toMatch(/model|train/i);
  await page.getByText("Who buys the table itself can decrypt and keep it.").waitFor();
  await table?.getByText("Buy now, download later").click();
  await table?.getByRole("button", { name: "Buy a token for nothing" }).click();
  await table?.getByText(/^atoll download .* --with-datatoken$/).waitFor();
  await visit.look("asset-with-download");
  await visit.end();
});

test("a table that is only for sale can not be trained on, and its order is fetched by the command line", async () => {
  const asset = await publish("Dunes to keep", [DOWNLOAD]);
  const buyer = keyOf(5);
  const soon = Math.floor(Date.now() / 1000) + 3600;
  await act(buyer, {
    kind: "buy_and_open",
    order: { datatoken: asset.services[0]?.datatoken, provider: keyOf(PROVIDER).address, request_hash: `0x${"5a".repeat(32)}`, deadline: soon },
    limits: { max_price: "0", payment_token: null, deadline: soon },
    permit: null,
  });
  const visit = await Visit.begin(chromium, 5);
  const { page } = visit;
  await visit.connect();
  await visit.open(`/assets/${asset.token_id}`);
  await page.getByText("Nothing can be trained on it here").waitFor();
  expect(await page.getByText(/You may train|for one model|Train a model/).count()).toBe(0);
  await visit.open(`/assets/${asset.token_id}/train`);
  await page.getByText("This data set offers nothing that can be trained on.").waitFor();
  await visit.open("/orders");
  await visit.signIn();
  const order = page.getByRole("row").filter({ hasText: "Dunes to keep" });
  await order.getByText(`atoll download ${asset.token_id} --out table.csv`).waitFor();
  expect(await order.textContent()).not.toContain("job");
  await visit.look("orders-download");
  await visit.end();
});
