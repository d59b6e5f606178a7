/** A real Chromium: the system's, or npm's. */

import { existsSync } from "node:fs";

import { type Browser, chromium } from "playwright-core";

import { npmChromium } from "./npmChromium.ts";

const PLACES = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

/** Nothing but the page's own requests leaves this browser. */
const QUIET = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** `more` are arguments beside those. `CHROMIUM` names another one, or `npm` for the one that a bare machine gets. */
export async function browser(more: readonly string[] = []): Promise<Browser> {
  const named = process.env["CHROMIUM"];
  const system = named ?? PLACES.find((place) => existsSync(place));
  const program = system && system !== "npm" ? { executablePath: system } : await npmChromium();
  return chromium.launch({ ...program, args: [...QUIET, ...more] });
}
