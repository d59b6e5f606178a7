/**
 * What `cargo dev bench page` measures in a real browser, at the market of ATOLL_SERVER, whose database it has filled with
 * ASSETS copies of the asset ORIGINAL. The last line on standard output is the figures as JSON.
 */

import { browser } from "../browser.ts";
import { sealing } from "../sealing.ts";
import { firstCard } from "./paint.ts";
import { choose, ours, randomFile, raw } from "./seal.ts";
import { scroll } from "./scroll.ts";

const ROUNDS = 5;
/** MiB that are encrypted in each round, and once as a whole. */
const [PART, WHOLE] = [256, 1024];

function setting(name: string): string {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set; this is run by \`cargo dev bench page\``);
  return value.replace(/\/$/, "");
}

export async function measure(): Promise<void> {
  const [server, assets, original] = [setting("ATOLL_SERVER"), Number(setting("ASSETS")), setting("ORIGINAL")];
  const tell = (text: string): void => console.error(text);
  const chromium = await browser();
  const version = chromium.version();
  try {
    const paint: number[] = [];
    // The first is not counted: it finds nothing warm, neither the server nor the machine.
    await firstCard(chromium, server);
    for (let round = 0; round < ROUNDS; round++) paint.push(await firstCard(chromium, server));
    tell(`first card: ${paint.map((value) => value.toFixed(0)).join(", ")} ms`);

    const rates: [ours: number, raw: number][] = [];
    const file = randomFile(WHOLE);
    const page = await sealing(chromium, server);
    try {
      await choose(page, file.path);
      for (let round = 0; round <= ROUNDS; round++) {
        const size = round === ROUNDS ? WHOLE : PART;
        // Neither is always the first.
        const other = round % 2 === 1 ? await raw(page, size) : undefined;
        const own = await ours(page, size);
        rates.push([own, other ?? (await raw(page, size))]);
        tell(`${size} MiB: ours ${own.toFixed(0)}, raw ${rates.at(-1)?.[1].toFixed(0)} MiB/s`);
      }
    } finally {
      await page.context().close();
      file.remove();
    }
    const whole = rates.pop();

    const all = assets + 1;
    let next = 0;
    const found = await scroll(chromium, server, all, (seen) => {
      if (seen < next) return;
      tell(`${seen} of ${all} assets seen`);
      next = seen + all / 10;
    });
    // Newest first: copy n has the token id n, and the original is older than all of them.
    const expected = (place: number): string => (place === all ? original : String(all - place));
    let right = 0;
    for (let place = 1; place <= all; place++) if (found.seen.get(place) === expected(place)) right += 1;
    tell(`${right} of ${all} assets seen in their place, ${found.moved} also elsewhere, in ${found.seconds.toFixed(0)} s`);
    console.log(
      JSON.stringify({
        browser: version,
        paint,
        rates,
        whole,
        rows: { all, right, moved: found.moved, more: found.seen.size - all, elements: found.elements, seconds: found.seconds },
      }),
    );
  } finally {
    await chromium.close();
  }
}
