/** How long a first visitor with a slow processor waits until the first card of the catalogue is painted. */

import type { Browser } from "playwright-core";

/** How many times slower the page's processor is made. */
export const SLOWER = 4;

/**
 * Milliseconds from the beginning of the navigation to the frame that shows the first card, with nothing kept from a visit
 * before. The page's own clock says it: its zero is the beginning of the navigation.
 */
export async function firstCard(browser: Browser, server: string): Promise<number> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
  try {
    const page = await context.newPage();
    await page.addInitScript(watchForCard);
    const devtools = await context.newCDPSession(page);
    await devtools.send("Emulation.setCPUThrottlingRate", { rate: SLOWER });
    await page.goto(`${server}/`, { waitUntil: "commit" });
    const painted = await page.waitForFunction(() => (window as Watched).firstCard);
    return (await painted.jsonValue()) as number;
  } finally {
    await context.close();
  }
}

type Watched = Window & { firstCard?: number };

/** Runs in the page before its own script. */
function watchForCard(): void {
  const observer = new MutationObserver(() => {
    const card = document.querySelector(".card a");
    if (!card?.textContent) return;
    observer.disconnect();
    // What was changed before a frame is painted with it; a task after that frame comes when it has been.
    requestAnimationFrame(() => {
      const { port1, port2 } = new MessageChannel();
      port1.onmessage = () => ((window as Watched).firstCard = performance.now());
      port2.postMessage(undefined);
    });
  });
  observer.observe(document, { childList: true, subtree: true });
}
