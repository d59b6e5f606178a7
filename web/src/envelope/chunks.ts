/** The chunks of a file's content: how key and nonces are made, and how chunks become ciphertext and plaintext again. */

import { concat, utf8, type Bytes } from "./bytes.ts";
import { Refused } from "./error.ts";

/** Name of the content format, as the metadata document gives it. */
export const FORMAT = "c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM";

/** Plaintext bytes of every chunk but the last. */
export const CHUNK = 16 * 1024;
export const TAG = 16;
export const SALT = 24;
export const COMMITMENT = 32;

/** What key, context and salt amount to. Of it, another thread of the page needs the cipher and the base nonce. */
export class Chunks {
  constructor(
    readonly cipher: CryptoKey,
    readonly baseNonce: Bytes,
    readonly commitment: Bytes,
  ) {}

  static async derive(key: Bytes, context: Bytes, salt: Bytes): Promise<Chunks> {
    if (key.length !== 32) throw new Refused();
    const mac = await crypto.subtle.importKey("raw", key, { name: "HMAC", hash: "SHA-512" }, false, ["sign"]);
    const info = concat(utf8(FORMAT), new Uint8Array(1), salt, context);
    const first = new Uint8Array(await crypto.subtle.sign("HMAC", mac, concat(info, Uint8Array.of(1))));
    const second = new Uint8Array(await crypto.subtle.sign("HMAC", mac, concat(first, info, Uint8Array.of(2))));
    const cipher = await crypto.subtle.importKey("raw", first.subarray(0, 32), "AES-GCM", false, ["encrypt", "decrypt"]);
    const chunks = new Chunks(cipher, first.slice(32, 44), concat(first.subarray(44), second.subarray(0, 12)));
    first.fill(0);
    second.fill(0);
    return chunks;
  }

  /** Encrypts a portion whose first chunk has this number: whole chunks, and if it is the last, a shorter one, maybe empty. */
  seal(portion: Bytes, first: number, isLast: boolean): Promise<Bytes> {
    return this.each(portion, first, isLast, CHUNK, CHUNK + TAG, (parameters, chunk) =>
      crypto.subtle.encrypt(parameters, this.cipher, chunk),
    );
  }

  /** Decrypts a portion whose first chunk has this number; of chunks as for `seal`. */
  open(portion: Bytes, first: number, isLast: boolean): Promise<Bytes> {
    return this.each(portion, first, isLast, CHUNK + TAG, CHUNK, async (parameters, chunk) => {
      if (chunk.length < TAG) throw new Refused();
      try {
        return await crypto.subtle.decrypt(parameters, this.cipher, chunk);
      } catch {
        throw new Refused();
      }
    });
  }

  private async each(
    portion: Bytes,
    first: number,
    isLast: boolean,
    from: number,
    to: number,
    work: (parameters: AesGcmParams, chunk: Bytes) => Promise<ArrayBuffer>,
  ): Promise<Bytes> {
    const count = Math.floor(portion.length / from) + (isLast ? 1 : 0);
    const done = await Promise.all(
      Array.from({ length: count }, (_, at) => {
        const parameters = { name: "AES-GCM", iv: this.nonce(first + at), tagLength: 8 * TAG };
        return work(parameters, portion.subarray(at * from, (at + 1) * from));
      }),
    );
    const last = done[count - 1]?.byteLength ?? 0;
    const result = new Uint8Array((count - 1) * to + last);
    done.forEach((piece, at) => result.set(new Uint8Array(piece), at * to));
    return result;
  }

  private nonce(index: number): Bytes {
    const nonce = this.baseNonce.slice();
    const view = new DataView(nonce.buffer);
    view.setUint32(4, view.getUint32(4) ^ Math.floor(index / 2 ** 32));
    view.setUint32(8, view.getUint32(8) ^ (index >>> 0));
    return nonce;
  }
}
