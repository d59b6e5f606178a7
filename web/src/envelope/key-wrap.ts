/**
 * Wrapping a content key to one party, with HPKE. `info` is the purpose together with the envelope's context, `aad` the
 * recipient's public key. Base mode does not say who wrapped: the wrapped key is part of the metadata whose hash the
 * publisher's wallet puts on chain.
 */

import { concat, fromHex, toHex, utf8, type Bytes, type Hex } from "./bytes.ts";
import { contextBytes, type Context } from "./context.ts";
import { Refused } from "./error.ts";
import { open, seal } from "./hpke.ts";
import type { KeyPair } from "./x25519.ts";

/** A content key, wrapped to one recipient, as the metadata document carries it. */
export interface WrappedKey {
  /** X25519 public key of the recipient. */
  recipient: Hex;
  /** HPKE's encapsulated key. */
  encapsulated: Hex;
  /** The content key and its tag, 48 bytes. */
  ciphertext: Hex;
}

/** Wraps `key` so that only `recipient` can unwrap it, and only under the same context. */
export async function wrap(recipient: Bytes, context: Context, key: Bytes): Promise<WrappedKey> {
  const sealed = await seal(recipient, infoOf("content key", contextBytes(context)), recipient, key);
  return {
    recipient: toHex(recipient),
    encapsulated: toHex(sealed.encapsulated),
    ciphertext: toHex(sealed.ciphertext),
  };
}

/** Unwraps a key that was wrapped to `secret` under this context. Throws `Refused` for any mismatch. */
export async function unwrap(secret: KeyPair, context: Context, wrapped: WrappedKey): Promise<Bytes> {
  const message = { encapsulated: fromHex(wrapped.encapsulated), ciphertext: fromHex(wrapped.ciphertext) };
  const info = infoOf("content key", contextBytes(context));
  const key = await open(secret, info, fromHex(wrapped.recipient), message);
  if (key.length !== 32) throw new Refused();
  return key;
}

/** HPKE's `info`: what the key is for, then what it belongs to. */
export function infoOf(purpose: string, context: Bytes): Bytes {
  return concat(utf8(`atoll/v1/${purpose}\0`), context);
}
