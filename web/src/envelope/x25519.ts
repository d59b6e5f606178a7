/** X25519 keys in WebCrypto. A private key that is not extractable never leaves the browser's own key store. */

import { concat, fromHex, type Bytes } from "./bytes.ts";
import { BadPublicKey } from "./error.ts";

/** A key that decrypts, and its public half. Wallets sign, and no key does both. */
export interface KeyPair {
  /** 32 bytes, for everyone. */
  publicKey: Bytes;
  /** For this browser. */
  privateKey: CryptoKey;
}

/** What comes before the 32 bytes of a private key in PKCS #8 (RFC 8410). */
const PKCS8_PREFIX = fromHex("0x302e020100300506032b656e04220420");

/** A new key pair. */
export async function generateKeyPair(extractable: boolean): Promise<KeyPair> {
  const pair = (await crypto.subtle.generateKey("X25519", extractable, ["deriveBits"])) as CryptoKeyPair;
  return { publicKey: new Uint8Array(await crypto.subtle.exportKey("raw", pair.publicKey)), privateKey: pair.privateKey };
}

/** The key pair that these 32 secret bytes are. */
export async function importKeyPair(secret: Bytes, extractable: boolean): Promise<KeyPair> {
  const pkcs8 = concat(PKCS8_PREFIX, secret);
  try {
    // The public half is only to be had from an extractable key.
    const open = await crypto.subtle.importKey("pkcs8", pkcs8, "X25519", true, ["deriveBits"]);
    const { x } = await crypto.subtle.exportKey("jwk", open);
    const publicKey = fromBase64Url(x ?? "");
    const privateKey = extractable ? open : await crypto.subtle.importKey("pkcs8", pkcs8, "X25519", false, ["deriveBits"]);
    return { publicKey, privateKey };
  } finally {
    pkcs8.fill(0);
  }
}

/** The 32 secret bytes of an extractable key. */
export async function exportSecret(pair: KeyPair): Promise<Bytes> {
  const pkcs8 = new Uint8Array(await crypto.subtle.exportKey("pkcs8", pair.privateKey));
  const secret = pkcs8.slice(-32);
  pkcs8.fill(0);
  return secret;
}

/** What both parties can compute and nobody else. Throws `BadPublicKey` for a point of small order. */
export async function agree(privateKey: CryptoKey, publicKey: Bytes): Promise<Bytes> {
  if (publicKey.length !== 32) throw new BadPublicKey();
  const theirs = await crypto.subtle.importKey("raw", publicKey, "X25519", false, []);
  let shared: Bytes;
  try {
    shared = new Uint8Array(await crypto.subtle.deriveBits({ name: "X25519", public: theirs }, privateKey, 256));
  } catch {
    throw new BadPublicKey();
  }
  if (shared.every((byte) => byte === 0)) throw new BadPublicKey();
  return shared;
}

/** False for the few points of small order: whatever is sealed to one of them, anybody can open (RFC 7748, 6.1). */
export async function isUsable(publicKey: Bytes): Promise<boolean> {
  const { privateKey } = await generateKeyPair(false);
  return agree(privateKey, publicKey).then(
    () => true,
    () => false,
  );
}

function fromBase64Url(text: string): Bytes {
  const binary = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(binary, (character) => character.charCodeAt(0));
}
