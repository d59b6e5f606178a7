/**
 * C2SP `chunked-encryption` (https://c2sp.org/chunked-encryption), the instance for AES-256-GCM with a 32-byte key
 * commitment.
 *
 * File = salt (24) ‖ commitment (32) ‖ chunks. Every chunk holds 16 KiB of plaintext and a 16-byte tag; the last is
 * strictly shorter, maybe empty, so a file that was cut is not a file. Key, base nonce and commitment come from
 * HKDF-SHA512-Expand over the label, the salt and the caller's context; chunk i has the nonce base XOR i.
 */

import { concat, equal, type Bytes } from "./bytes.ts";
import { CHUNK, Chunks, COMMITMENT, SALT, TAG } from "./chunks.ts";
import { sealByCrew } from "./crew.ts";
import { Refused } from "./error.ts";
import { portions, type Source } from "./portions.ts";

export { CHUNK, FORMAT } from "./chunks.ts";

/** Length of the file's head: salt and commitment. */
const HEADER = SALT + COMMITMENT;
/** Chunks that are worked on at once: enough to keep the browser's cipher busy, few enough to hold. */
const BATCH = 128;

/** A new random content key. */
export function generateContentKey(): Bytes {
  return crypto.getRandomValues(new Uint8Array(32));
}

/** Length of the ciphertext of so many bytes. */
export function ciphertextLength(plaintext: number): number {
  return HEADER + plaintext + TAG * (Math.floor(plaintext / CHUNK) + 1);
}

/** Encrypts in constant memory: yields the ciphertext piece by piece. */
export function encrypt(key: Bytes, context: Bytes, plaintext: Source): AsyncGenerator<Bytes> {
  return encryptWithSalt(key, context, crypto.getRandomValues(new Uint8Array(SALT)), plaintext);
}

/** As `encrypt`, with a salt of the caller's. A salt must never meet the same key and another plaintext. */
export async function* encryptWithSalt(
  key: Bytes,
  context: Bytes,
  salt: Bytes,
  plaintext: Source,
): AsyncGenerator<Bytes> {
  const chunks = await Chunks.derive(key, context, salt);
  yield concat(salt, chunks.commitment);
  yield* sealByCrew(chunks, plaintext) ??
    ahead(portions(plaintext, BATCH * CHUNK), (portion, index) =>
      chunks.seal(portion, index * BATCH, portion.length < BATCH * CHUNK),
    );
}

/**
 * Decrypts in constant memory: yields the plaintext piece by piece. Every piece is authentic and in its place, but only
 * the end says that none is missing: use the pieces of a refused file for nothing.
 *
 * Throws `Refused` for a wrong key or context, or if the ciphertext was changed or cut.
 */
export async function* decrypt(key: Bytes, context: Bytes, ciphertext: Source): AsyncGenerator<Bytes> {
  const [header, rest] = await split(ciphertext);
  if (header.length < HEADER) throw new Refused();
  const chunks = await Chunks.derive(key, context, header.slice(0, SALT));
  // Both sides are public values of the file or follow from the key by a one-way function: no secret is compared.
  if (!equal(chunks.commitment, header.subarray(SALT))) throw new Refused();
  const size = BATCH * (CHUNK + TAG);
  yield* ahead(portions(rest, size), (portion, index) => chunks.open(portion, index * BATCH, portion.length < size));
}

/** All that a generator yields, in one piece: for what is known to be small. */
export async function whole(pieces: AsyncGenerator<Bytes>): Promise<Bytes> {
  const all: Bytes[] = [];
  for await (const piece of pieces) all.push(piece);
  return concat(...all);
}

/** Maps in order, with the next portion already being worked on while one is taken. */
async function* ahead(
  source: AsyncGenerator<Bytes>,
  work: (portion: Bytes, index: number) => Promise<Bytes>,
): AsyncGenerator<Bytes> {
  let pending: Promise<Bytes> | undefined;
  let index = 0;
  for await (const portion of source) {
    const next = work(portion, index++);
    // Whoever fails first is told of by `await` below; the other must not count as unhandled.
    next.catch(() => undefined);
    if (pending) yield await pending;
    pending = next;
  }
  if (pending) yield await pending;
}

/** The header's bytes, and the source of what follows. */
async function split(source: Source): Promise<[Bytes, Source]> {
  if (source instanceof Blob) {
    return [new Uint8Array(await source.slice(0, HEADER).arrayBuffer()), source.slice(HEADER)];
  }
  const reader = source.getReader();
  let header: Bytes = new Uint8Array(0);
  while (header.length < HEADER) {
    const { done, value } = await reader.read();
    if (done) break;
    header = concat(header, value);
  }
  const left = header.slice(HEADER);
  const rest = new ReadableStream<Uint8Array>({
    start: (controller) => controller.enqueue(left),
    async pull(controller) {
      const { done, value } = await reader.read();
      if (done) controller.close();
      else controller.enqueue(value);
    },
    cancel: (reason) => reader.cancel(reason),
  });
  return [header.slice(0, HEADER), rest];
}
