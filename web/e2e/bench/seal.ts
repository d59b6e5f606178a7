/** The page's own encryption of content beside what the same browser's cipher does at best with chunks of that size. */

import { randomFillSync } from "node:crypto";
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type { Page } from "playwright-core";

import type { Sealing } from "../sealing.ts";

/** A file of so many MiB that does not compress. */
export function randomFile(mebibytes: number): { path: string; remove: () => void } {
  const folder = mkdtempSync(join(tmpdir(), "atoll-bench-"));
  const path = join(folder, "table.csv");
  const [file, piece] = [openSync(path, "w"), new Uint8Array(2 ** 20)];
  for (let written = 0; written < mebibytes; written++) writeSync(file, randomFillSync(piece));
  closeSync(file);
  return { path, remove: () => rmSync(folder, { recursive: true }) };
}

/** Gives the page a file on disk, as a person who chooses it does. */
export async function choose(page: Page, path: string): Promise<void> {
  await page.evaluate(() => {
    const input = document.createElement("input");
    input.type = "file";
    input.id = "chosen";
    document.body.append(input);
  });
  await page.locator("#chosen").setInputFiles(path);
}

/** MiB per second of `encrypt` for the first so many bytes of the chosen file, of which only pieces are ever held. */
export function ours(page: Page, mebibytes: number): Promise<number> {
  return page.evaluate(async (mebibytes) => {
    const { encrypt, generateContentKey, ciphertextLength } = (window as Sealing).content!;
    const [file] = document.querySelector<HTMLInputElement>("#chosen")!.files!;
    const wanted = file!.slice(0, mebibytes * 2 ** 20);
    let length = 0;
    const start = performance.now();
    for await (const part of encrypt(generateContentKey(), new Uint8Array(32), wanted)) length += part.length;
    const seconds = (performance.now() - start) / 1000;
    if (length !== ciphertextLength(mebibytes * 2 ** 20)) throw new Error(`${length} bytes came of ${mebibytes} MiB`);
    return mebibytes / seconds;
  }, mebibytes);
}

/**
 * MiB per second of `crypto.subtle.encrypt` with AES-256-GCM alone, for the same bytes in chunks of the same size, as many at
 * once as ours. Reading the file is not in the time, and nothing is done with what comes out.
 */
export function raw(page: Page, mebibytes: number): Promise<number> {
  return page.evaluate(async (mebibytes) => {
    const { CHUNK } = (window as Sealing).content!;
    const [file] = document.querySelector<HTMLInputElement>("#chosen")!.files!;
    const key = await crypto.subtle.generateKey({ name: "AES-GCM", length: 256 }, false, ["encrypt"]);
    const [AT_ONCE, READ] = [128, 8 * 2 ** 20];
    let milliseconds = 0;
    for (let at = 0; at < mebibytes * 2 ** 20; at += READ) {
      const read = new Uint8Array(await file!.slice(at, at + READ).arrayBuffer());
      const start = performance.now();
      for (let from = 0; from < READ; from += AT_ONCE * CHUNK) {
        await Promise.all(
          Array.from({ length: AT_ONCE }, (_, chunk) => {
            const [iv, first] = [new Uint8Array(12), from + chunk * CHUNK];
            new DataView(iv.buffer).setUint32(0, (at + first) / CHUNK);
            return crypto.subtle.encrypt({ name: "AES-GCM", iv }, key, read.subarray(first, first + CHUNK));
          }),
        );
      }
      milliseconds += performance.now() - start;
    }
    return (mebibytes * 1000) / milliseconds;
  }, mebibytes);
}
