/** A visitor: a browser with a wallet, whose every request and complaint is written down. */

import { mkdirSync } from "node:fs";

import axe from "axe-core";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { expect, onTestFailed } from "vitest";

import { keyOf, SERVER } from "./market/chain.ts";
import { Wallet } from "./wallet/wallet.ts";

export interface Options {
  readonly narrow?: boolean;
  readonly dark?: boolean;
  /** No wallet at all. */
  readonly bare?: boolean;
  /** A wallet that does not announce itself. */
  readonly old?: boolean;
  /** Done before the page is opened. */
  readonly prepare?: (page: Page) => Promise<void>;
}

const SEEN = new URL("seen/", import.meta.url).pathname;

export class Visit {
  /** Requests that did not go to the market's own server. */
  readonly strayed: string[] = [];
  /** What the browser complained of: errors, and what the page's policy forbade. */
  readonly complaints: string[] = [];

  private constructor(
    readonly context: BrowserContext,
    readonly page: Page,
    readonly wallet: Wallet,
  ) {}

  static async begin(browser: Browser, account: number, { narrow, dark, bare, old, prepare }: Options = {}): Promise<Visit> {
    const context = await browser.newContext({
      viewport: narrow ? { width: 390, height: 844 } : { width: 1280, height: 900 },
      colorScheme: dark ? "dark" : "light",
      acceptDownloads: true,
    });
    const wallet = new Wallet(keyOf(account));
    if (!bare) await wallet.install(context, old);
    const page = await context.newPage();
    page.setDefaultTimeout(Number(process.env["PATIENCE"] ?? 60_000));
    const visit = new Visit(context, page, wallet);
    page.on("request", (request) => {
      const url = request.url();
      if (!url.startsWith(`${SERVER}/`) && !/^(blob|data):/.test(url)) visit.strayed.push(url);
    });
    page.on("pageerror", (error) => visit.complaints.push(String(error)));
    page.on("console", (message) => {
      // Refusals of the server are answers that the page explains, and browsers write each of them down.
      if (message.type() === "error" && !message.text().startsWith("Failed to load resource"))
        visit.complaints.push(message.text());
    });
    onTestFailed(async ({ task }) => {
      if (page.isClosed()) return;
      mkdirSync(SEEN, { recursive: true });
      const name = task.name.replace(/[^a-z0-9]+/gi, "-").slice(0, 60);
      await page.screenshot({ path: `${SEEN}failed-${account}-${name}.png`, fullPage: true });
      console.error(`${page.url()}\n${visit.complaints.join("\n")}`);
    });
    await prepare?.(page);
    await page.goto(`${SERVER}/`);
    return visit;
  }

  async open(path: string): Promise<void> {
    await this.page.evaluate((path) => (location.hash = path), path);
  }

  /** Connects the wallet by the page's own button. */
  async connect(name = "Test wallet"): Promise<void> {
    await this.page.getByRole("button", { name: "Connect wallet", exact: true }).click();
    await this.page.getByRole("dialog").getByRole("button", { name }).click();
    await this.page.getByTitle(this.wallet.address).waitFor();
  }

  /** Signs in where the page asks for it. */
  async signIn(): Promise<void> {
    await this.page.getByRole("button", { name: "Sign in", exact: true }).click();
    await this.page.getByRole("button", { name: "Sign in", exact: true }).waitFor({ state: "detached" });
  }

  /** A picture of the whole page, and no serious or critical finding of axe in it. */
  async look(name: string): Promise<void> {
    mkdirSync(SEEN, { recursive: true });
    await this.page.screenshot({ path: `${SEEN}${name}.png`, fullPage: true });
    expect(await this.findings(), name).toEqual([]);
  }

  /** What axe calls serious or critical. */
  async findings(): Promise<string[]> {
    await this.page.evaluate(axe.source);
    return this.page.evaluate(async () => {
      const { violations } = await (window as unknown as { axe: typeof axe }).axe.run();
      return violations
        .filter(({ impact }) => impact === "serious" || impact === "critical")
        .map(({ id, help, nodes }) => `${id}: ${help} (${nodes.map(({ html }) => html.slice(0, 120)).join(" | ")})`);
    });
  }

  /** Nothing is wider than the window. */
  async fits(): Promise<void> {
    expect(await this.page.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBeLessThanOrEqual(0);
  }

  async end(): Promise<void> {
    await this.context.close();
    expect(this.strayed).toEqual([]);
    expect(this.complaints).toEqual([]);
  }
}
