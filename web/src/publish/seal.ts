/** The table, encrypted: only this leaves the computer. */

import { sha256 } from "@noble/hashes/sha2.js";

import { toHex, type Bytes, type Hex } from "../envelope/bytes.ts";
import { encrypt } from "../envelope/content.ts";
import { contextBytes, type Context } from "../envelope/context.ts";
import { Refused } from "../wallet/refused.ts";

/** The ciphertext, which the browser keeps on disk if it is large. */
export interface Sealed {
  content: Blob;
  sha256: Hex;
  bytes: number;
}

/** Encrypts a table piece by piece. `progress` is told how many bytes are done. */
export async function seal(
  file: Blob,
  key: Bytes,
  context: Context,
  progress: (bytes: number) => void,
): Promise<Sealed> {
  const hash = sha256.create();
  const parts: Blob[] = [];
  let bytes = 0;
  try {
    for await (const piece of encrypt(key, contextBytes(context), file)) {
      hash.update(piece);
      parts.push(new Blob([piece]));
      bytes += piece.length;
      progress(bytes);
    }
  } catch (error) {
    // Browsers hold a chosen file to what it was when it was chosen.
    if (error instanceof DOMException && /NotReadable|NotFound/.test(error.name)) throw new FileChanged();
    throw error;
  }
  return { content: new Blob(parts), sha256: toHex(hash.digest()), bytes };
}

/** The file is not the one any more that was checked. */
export class FileChanged extends Refused {
  constructor() {
    super("The file has changed since you chose it", "Choose it again, so that what is checked is what is encrypted. Nothing was uploaded.");
  }
}
