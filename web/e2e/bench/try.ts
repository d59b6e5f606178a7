import { browser } from "../browser.ts";
import { firstCard } from "./paint.ts";
import { choose, ours, raw, sealer } from "./seal.ts";
import { scroll } from "./scroll.ts";
const S = process.env.ATOLL_SERVER!;
const b = await browser();
const what = process.argv[2];
if (what === "paint") for (let i = 0; i < 5; i++) console.log(await firstCard(b, S));
if (what === "seal") { const p = await sealer(b, S); await choose(p, "/tmp/wbench-random.bin"); for (let i = 0; i < 3; i++) console.log("ours", await ours(p, 128), "raw", await raw(p, 128)); }
if (what === "scroll") { const r = await scroll(b, S, 5000, () => {}); console.log(r.seen.size, r.moved, r.elements, r.seconds); for (let i = 1; i <= r.seen.size; i++) if (!r.seen.has(i)) { console.log("missing", i); break; } }
await b.close();
