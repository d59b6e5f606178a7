/** Faults that are planted into the served page, each of which these tests' own checks have to find. */

import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";

import { browser } from "./browser.ts";
import { SERVER } from "./market/chain.ts";
import { sample } from "./market/shelf.ts";
import { Visit } from "./visit.ts";

let chromium: Browser;

beforeAll(async () => {
  chromium = await browser();
});

afterAll(async () => chromium.close());

/** Serves the page with a change; its headers stay as the server wrote them. */
function changed(path: string | RegExp, change: (text: string) => string): (page: Page) => Promise<void> {
  return async (page) => {
    await page.route(typeof path === "string" ? SERVER + path : path, async (route) => {
      const response = await route.fetch();
      const text = await response.text();
      const planted = change(text);
      if (planted === text) throw new Error("the fault could not be planted");
      await route.fulfill({ response, body: planted });
    });
  };
}

/** A visit to the page with a fault; `end` is not called, since it would find what is looked for here. */
async function visit(prepare?: (page: Page) => Promise<void>): Promise<Visit> {
  const visit = await Visit.begin(chromium, 5, { ...(prepare && { prepare }) });
  const { name } = await sample();
  await visit.page.getByRole("link", { name }).first().waitFor();
  return visit;
}

const ENTRY = "/";
const HEAD = "</head>";

test("nothing is found where nothing is planted", async () => {
  const clean = await visit();
  expect(await clean.findings()).toEqual([]);
  await clean.end();
});

test("a label that is gone is found", async () => {
  const planted = await visit();
  await planted.page.evaluate(() => {
    [...document.querySelectorAll("label")].find(({ textContent }) => textContent === "Paid with")?.remove();
  });
  const found = await planted.findings();
  expect(found.filter((text) => text.startsWith("select-name"))).not.toEqual([]);
  await planted.context.close();
});

test("text that can hardly be read is found", async () => {
  const pale = changed(/static\/[^/]*\.css$/, (text) => `${text}\nh1, p, label, a { color: #bbb !important; }`);
  const planted = await visit(pale);
  expect((await planted.findings()).filter((text) => text.startsWith("color-contrast"))).not.toEqual([]);
  await planted.context.close();
});

test("a script within the page is stopped and written down", async () => {
  const script = "<script>window.planted = true</script>";
  const planted = await visit(changed(ENTRY, (text) => text.replace(HEAD, script + HEAD)));
  expect(planted.complaints.join()).toMatch(/inline script/i);
  expect(await planted.page.evaluate(() => "planted" in window)).toBe(false);
  await planted.context.close();
});

test("text that becomes markup is stopped by trusted types and written down", async () => {
  const sink = "\nsetTimeout(() => { document.body.innerHTML = '<p>planted</p>'; });";
  const planted = await Visit.begin(chromium, 5, { prepare: changed(/static\/index[^/]*\.js$/, (text) => text + sink) });
  await expect.poll(() => planted.complaints.join()).toMatch(/TrustedHTML/);
  expect(await planted.page.getByText("planted").count()).toBe(0);
  await planted.context.close();
});

test("a picture from elsewhere is stopped and written down", async () => {
  const picture = '<img src="http://127.0.0.1:9/planted.png" alt="">';
  const planted = await visit(changed(ENTRY, (text) => text.replace("</body>", `${picture}</body>`)));
  expect(planted.complaints.join()).toMatch(/Content Security Policy/i);
  expect(planted.complaints.join()).toContain("planted.png");
  await planted.context.close();
});

test("a request to another server is written down even where no policy stops it", async () => {
  const elsewhere = "http://127.0.0.1:9/planted";
  const open = async (page: Page): Promise<void> => {
    await page.route(SERVER + ENTRY, async (route) => {
      const response = await route.fetch();
      const headers = { ...response.headers() };
      delete headers["content-security-policy"];
      await route.fulfill({ response, headers });
    });
  };
  const planted = await visit(open);
  await planted.page.evaluate((url) => fetch(url).catch(() => undefined), elsewhere);
  expect(planted.strayed).toEqual([elsewhere]);
  await planted.context.close();
});
