/** Large files are encrypted by workers; what comes out is what one thread makes, byte for byte. */

import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";

import { browser } from "./browser.ts";
import { SERVER } from "./market/chain.ts";
import { sealing, type Sealing } from "./sealing.ts";

let chromium: Browser;
let page: Page;

beforeAll(async () => {
  chromium = await browser();
  page = await sealing(chromium, SERVER);
});

afterAll(async () => chromium.close());

/** Encrypts so many bytes as a file and as a stream, with one key and salt; gives the hashes of what came out. */
async function both(bytes: number): Promise<[byCrew: string, alone: string]> {
  return page.evaluate(async (bytes) => {
    const { encryptWithSalt, generateContentKey } = (window as Sealing).content!;
    const [key, context] = [generateContentKey(), new Uint8Array(32)];
    const salt = crypto.getRandomValues(new Uint8Array(24));
    const plaintext = new Uint8Array(bytes);
    for (let at = 0; at < bytes; at += 65536) crypto.getRandomValues(plaintext.subarray(at, at + 65536));
    const file = new Blob([plaintext]);
    const hashes = [];
    for (const source of [file, file.stream()]) {
      const pieces = [];
      for await (const piece of encryptWithSalt(key, context, salt, source)) pieces.push(piece);
      const hash = await crypto.subtle.digest("SHA-256", await new Blob(pieces).arrayBuffer());
      hashes.push(Array.from(new Uint8Array(hash), (byte) => byte.toString(16).padStart(2, "0")).join(""));
    }
    return hashes as [string, string];
  }, bytes);
}

const MIB = 2 ** 20;

// Whole portions, one byte on either side, a chunk's end, and more portions than all workers hold at a time.
for (const bytes of [16 * MIB, 16 * MIB + 1, 32 * MIB - 1, 17 * MIB + 16_384, 83 * MIB + 12_345]) {
  test(`${bytes} bytes: workers and one thread make the same file`, async () => {
    const started: unknown[] = [];
    page.on("worker", (worker) => started.push(worker));
    const [byCrew, alone] = await both(bytes);
    expect(byCrew).toBe(alone);
    expect(started.length).toBeGreaterThan(0);
    await expect.poll(() => page.workers().length).toBe(0);
    page.removeAllListeners("worker");
  });
}

test("a small file needs no worker", async () => {
  let started = 0;
  page.on("worker", () => (started += 1));
  const [file, stream] = await both(3 * MIB);
  expect(file).toBe(stream);
  expect(started).toBe(0);
});

test("a worker whose script does not come ends the encryption with an error", async () => {
  await page.context().route("**/static/bench/**", (route) => route.fulfill({ status: 404, body: "" }));
  await expect(both(16 * MIB)).rejects.toThrow(/a worker of the page failed/);
});
