/** Scrolls the catalogue to its end as a person does, and writes down every card that came into the window. */

import type { Browser, Page } from "playwright-core";

export interface Scrolled {
  /** Token ids of the cards that were seen, by the place that each card said it has. */
  readonly seen: ReadonlyMap<number, string>;
  /** Cards that were seen at a place that another had before, or at a second place. */
  readonly moved: number;
  /** Most elements that the document had. */
  readonly elements: number;
  readonly seconds: number;
}

/** Cards in the window: their place, the asset's id, and where they are. */
type InWindow = readonly (readonly [place: number, token: string])[];

/** Scrolls until no more comes, or `most` cards were seen. */
export async function scroll(browser: Browser, server: string, most: number, told: (seen: number) => void): Promise<Scrolled> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
  try {
    const page = await context.newPage();
    await page.goto(`${server}/`);
    await page.locator(".card a").first().waitFor();
    await page.evaluate(install);
    const start = performance.now();
    const [seen, places] = [new Map<number, string>(), new Map<string, number>()];
    let [moved, elements] = [0, 0];
    for (;;) {
      const { cards, all, end } = await sweep(page);
      for (const [place, token] of cards) {
        if ((seen.get(place) ?? token) !== token || (places.get(token) ?? place) !== place) moved += 1;
        seen.set(place, token);
        places.set(token, place);
      }
      elements = Math.max(elements, all);
      told(seen.size);
      if (end || seen.size >= most) break;
    }
    return { seen, moved, elements, seconds: (performance.now() - start) / 1000 };
  } finally {
    await context.close();
  }
}

type Sweeping = Window & { sweep?: () => Promise<{ cards: InWindow; all: number; end: boolean }> };

function sweep(page: Page): Promise<{ cards: InWindow; all: number; end: boolean }> {
  return page.evaluate(() => (window as Sweeping).sweep!());
}

/**
 * Runs in the page: scrolls frame by frame for a while, by less than the window's height, so that every card is in the
 * window in some frame; whatever is not drawn by then is missing.
 */
function install(): void {
  const frame = (): Promise<unknown> => new Promise((done) => requestAnimationFrame(done));
  const inWindow = (into: Map<number, string>): void => {
    for (const item of document.querySelectorAll<HTMLElement>(".shelf > li")) {
      const { top, bottom } = item.getBoundingClientRect();
      const link = item.querySelector("a");
      if (bottom <= 0 || top >= innerHeight || !link?.textContent) continue;
      into.set(Number(item.getAttribute("aria-posinset")), link.hash.replace("#/assets/", ""));
    }
  };
  (window as Sweeping).sweep = async () => {
    const seen = new Map<number, string>();
    let end = false;
    for (let frames = 0; frames < 60 && !end; frames++) {
      await frame();
      inWindow(seen);
      const bottom = scrollY + innerHeight >= document.documentElement.scrollHeight - 1;
      end = bottom && document.querySelector('[aria-busy="true"]') === null && document.querySelector(".loading") === null;
      scrollBy({ top: innerHeight * 0.8, behavior: "instant" });
    }
    return { cards: [...seen], all: document.getElementsByTagName("*").length, end };
  };
}
