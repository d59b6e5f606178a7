/** A real Chromium: the system's, or npm's. */

import { existsSync } from "node:fs";

import npmChromium from "@sparticuz/chromium";
import { type Browser, chromium } from "playwright-core";

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

/** `more` are arguments beside those. */
export async function browser(more: readonly string[] = []): Promise<Browser> {
  const named = process.env["CHROMIUM"];
  const system = named ?? PLACES.find((place) => existsSync(place));
  return chromium.launch({ executablePath: system ?? (await npmChromium.executablePath()), args: [...QUIET, ...more] });
}
