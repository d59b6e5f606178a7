// The script that a first visit loads, compressed, against the limit. Follows what index.html names and imports.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";

const LIMIT = 150_000;
const dist = new URL("../dist/", import.meta.url).pathname;

const html = readFileSync(join(dist, "index.html"), "utf8");
if (/<script(?![^>]*\bsrc=)/.test(html) || /\bstyle=|<style/.test(html)) {
  throw new Error("dist/index.html has an inline script or style, which the page's policy forbids");
}
const first = [...html.matchAll(/(?:src|href)="\/(static\/[^"]+\.js)"/g)].map(([, name]) => name);
const [seen, waiting] = [new Set(), [...first, ...opened("catalogue")]];
while (waiting.length > 0) {
  const name = waiting.pop();
  if (seen.has(name)) continue;
  seen.add(name);
  const text = readFileSync(join(dist, name), "utf8");
  for (const [, other] of text.matchAll(/(?:from|import)\s*"\.\/([^"]+\.js)"/g)) waiting.push(`static/${other}`);
}
const sizes = [...seen].map((name) => [name, gzipSync(readFileSync(join(dist, name))).length]);
const sum = sizes.reduce((total, [, bytes]) => total + bytes, 0);
for (const [name, bytes] of sizes) console.log(`${String(bytes).padStart(8)}  ${name}`);
console.log(`${String(sum).padStart(8)}  of ${LIMIT} bytes of compressed script on first load`);
if (sum > LIMIT) process.exit(1);

/** The page that is opened first comes by itself. */
function opened(page) {
  const entry = first.map((name) => readFileSync(join(dist, name), "utf8")).join("\n");
  const found = new Set(
    [...entry.matchAll(new RegExp(`\\./(${page}-[\\w-]+\\.js)`, "g"))].map(([, name]) => `static/${name}`),
  );
  if (found.size === 0) throw new Error(`the built entry does not name the page ${page}`);
  return found;
}
