/** The pages behind a signature, wide, narrow and dark, with the jobs that the other tests left there. */

import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";

import { browser } from "./browser.ts";
import { PROVIDER, PUBLISHER } from "./market/chain.ts";
import { Visit } from "./visit.ts";

let chromium: Browser;

beforeAll(async () => {
  chromium = await browser();
});

afterAll(async () => chromium.close());

for (const [name, options] of [
  ["wide", {}],
  ["narrow", { narrow: true }],
  ["dark", { dark: true }],
] as const) {
  test(`keys, orders, desk and job, ${name}: nothing serious is found, nothing overflows`, async () => {
    const publisher = await Visit.begin(chromium, PUBLISHER, options);
    await publisher.connect();
    await publisher.open("/keys");
    await publisher.page.getByRole("button", { name: "Bring it back" }).waitFor();
    await publisher.look(`keys-${name}`);
    await publisher.fits();
    await publisher.open("/desk");
    await publisher.signIn();
    await publisher.page.getByRole("button", { name: "Pause the sale" }).first().waitFor();
    await publisher.page.getByText("Who may order").first().click();
    await publisher.look(`desk-${name}`);
    await publisher.fits();
    await publisher.end();

    const provider = await Visit.begin(chromium, PROVIDER, options);
    await provider.connect();
    await provider.open("/orders");
    await provider.signIn();
    await provider.page.getByRole("heading", { name: "Orders", exact: true }).waitFor();
    await provider.look(`orders-${name}`);
    await provider.fits();
    await provider.open("/desk");
    const job = provider.page.getByRole("region", { name: "Queue" }).getByRole("link").first();
    await job.waitFor();
    await provider.look(`queue-${name}`);
    await provider.fits();
    await job.click();
    await provider.page.getByRole("region", { name: "What happened" }).waitFor();
    // The buyer's to open, and to cancel.
    await provider.page.getByText(/Only the buyer's key opens (it|them)|The buyer cancelled it/).waitFor();
    expect(await provider.page.getByRole("button", { name: /Check and open|Cancel the job/ }).count()).toBe(0);
    await provider.look(`job-${name}`);
    await provider.fits();
    await provider.end();
  });
}
