/** The page's own encryption of content, to be called as the page calls it: in the browser, with the market's policy. */

import type { Browser, Page } from "playwright-core";
import { build, type Rollup } from "vite";

import type * as Content from "../src/envelope/content.ts";

/** The window of such a page. */
export type Sealing = Window & { content?: typeof Content };

const ENTRY = new URL("../src/envelope/content.ts", import.meta.url).pathname;

/**
 * A page of the market with the page's module `envelope/content.ts` in it, as `content`. The script that its workers run is
 * served beside the page's own, under the page's own policy.
 */
export async function sealing(browser: Browser, server: string): Promise<Page> {
  const built = await build({
    configFile: false,
    logLevel: "warn",
    build: { write: false, target: "es2023", assetsDir: "static/bench", lib: { entry: ENTRY, name: "content", formats: ["iife"] } },
  });
  const context = await browser.newContext();
  const page = await context.newPage();
  page.setDefaultTimeout(0);
  for (const file of (built as Rollup.RollupOutput[]).flatMap(({ output }) => output)) {
    if (file.type === "chunk") {
      await page.addInitScript(file.code.replace(/^"use strict";/, "").replace(/^var content\s*=/, "window.content="));
    } else {
      await context.route(`**/${file.fileName}`, (route) =>
        route.fulfill({ body: Buffer.from(file.source), contentType: "text/javascript" }),
      );
    }
  }
  await page.goto(`${server}/`);
  return page;
}
