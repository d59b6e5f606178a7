import { createHash } from "node:crypto";
import { inflateSync } from "node:zlib";
import { expect, test } from "vitest";

import { fromHex, type Bytes } from "../src/envelope/bytes.ts";
import { CHUNK, ciphertextLength, decrypt, encrypt, encryptWithSalt, whole } from "../src/envelope/content.ts";
import { Refused } from "../src/envelope/error.ts";
import vectors from "./vectors/chunked-encryption.json" with { type: "json" };

const KEY: Bytes = new Uint8Array(32).fill(1);
const CONTEXT: Bytes = new TextEncoder().encode("context");

function plain(length: number): Bytes {
  return Uint8Array.from({ length }, (_, at) => at * 7);
}

function seal(bytes: Bytes): Promise<Bytes> {
  return whole(encrypt(KEY, CONTEXT, new Blob([bytes])));
}

function open(bytes: Bytes): Promise<Bytes> {
  return whole(decrypt(KEY, CONTEXT, new Blob([bytes])));
}

/** The bytes in pieces of an odd length. */
function stream(bytes: Bytes, piece: number): ReadableStream<Uint8Array> {
  let at = 0;
  return new ReadableStream({
    pull(controller) {
      if (at >= bytes.length) return controller.close();
      controller.enqueue(bytes.subarray(at, at + piece));
      at += piece;
    },
  });
}

// The valid ones also come out of our encryption, byte for byte, when it is given their salt. Round trips alone would not
// notice a constant nonce.
test("every published vector, both ways", async () => {
  let count = 0;
  for (const vector of vectors.testGroups.flatMap((group) => group.tests)) {
    count++;
    const cipher = new Uint8Array(inflateSync(fromHex(`0x${vector.ct}`)));
    const key = fromHex(`0x${vector.key}`);
    const context = fromHex(`0x${vector.ctx}`);
    const opened = whole(decrypt(key, context, new Blob([cipher])));
    if (vector.result === "invalid") {
      await expect(opened, vector.comment).rejects.toThrow(Refused);
      continue;
    }
    const message = await opened;
    expect(message.length).toBe(vector.msgLength);
    expect(createHash("sha512").update(message).digest("hex")).toBe(vector.msgSha512);
    const again = await whole(encryptWithSalt(key, context, cipher.slice(0, 24), new Blob([message])));
    expect(Buffer.compare(again, cipher), vector.comment).toBe(0);
  }
  expect(count).toBe(35);
});

test("lengths around a chunk and around a batch come back, from files and from streams", async () => {
  const batch = 128 * CHUNK;
  for (const length of [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK + 5, batch - 1, batch, batch + 1, 2 * batch]) {
    const bytes = plain(length);
    const sealed = await seal(bytes);
    expect(sealed.length).toBe(ciphertextLength(length));
    expect(Buffer.compare(await open(sealed), bytes), `${length}`).toBe(0);
    const streamed = await whole(encrypt(KEY, CONTEXT, stream(bytes, 50_021)));
    expect(Buffer.compare(await whole(decrypt(KEY, CONTEXT, stream(streamed, 33))), bytes), `${length}`).toBe(0);
  }
});

test("every bit flip of a file is refused", async () => {
  const sealed = await seal(plain(100));
  for (let bit = 0; bit < sealed.length * 8; bit++) {
    const bad = sealed.slice();
    bad[bit >> 3]! ^= 1 << (bit & 7);
    await expect(open(bad), `bit ${bit}`).rejects.toThrow(Refused);
  }
});

test("every truncation and any addition is refused", async () => {
  const sealed = await seal(plain(CHUNK + 40));
  for (let length = 0; length < sealed.length; length += length > sealed.length - 70 ? 1 : 37) {
    await expect(open(sealed.slice(0, length)), `${length}`).rejects.toThrow(Refused);
  }
  await expect(open(Uint8Array.of(...sealed, 0))).rejects.toThrow(Refused);
});

test("another key or context is refused", async () => {
  const sealed = new Blob([await seal(plain(100))]);
  const other = new Uint8Array(32).fill(2);
  await expect(whole(decrypt(other, CONTEXT, sealed))).rejects.toThrow(Refused);
  await expect(whole(decrypt(KEY, new TextEncoder().encode("contexu"), sealed))).rejects.toThrow(Refused);
  expect(await whole(decrypt(KEY, CONTEXT, sealed))).toEqual(plain(100));
});

test("two files of one content share no salt", async () => {
  const [one, two] = [await seal(plain(10)), await seal(plain(10))];
  expect(one.slice(0, 24)).not.toEqual(two.slice(0, 24));
});

test("a source is read no further than it is taken", async () => {
  let read = 0;
  const source = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        read += CHUNK;
        controller.enqueue(plain(CHUNK));
      },
    },
    { highWaterMark: 0 },
  );
  const pieces = encrypt(KEY, CONTEXT, source);
  for (let taken = 0; taken < 10; taken++) await pieces.next();
  // The header and nine batches were taken, one more is on its way.
  expect(read).toBeLessThanOrEqual(11 * 128 * CHUNK);
  await pieces.return(undefined);
});
