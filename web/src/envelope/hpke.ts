/** HPKE (RFC 9180) in base mode, one message: DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-256-GCM. */

import { bigEndian, concat, utf8, type Bytes } from "./bytes.ts";
import { Refused } from "./error.ts";
import { agree, generateKeyPair, type KeyPair } from "./x25519.ts";

const KEM = concat(utf8("KEM"), bigEndian(0x0020, 2));
const SUITE = concat(utf8("HPKE"), bigEndian(0x0020, 2), bigEndian(0x0001, 2), bigEndian(0x0002, 2));
const NOTHING: Bytes = new Uint8Array(0);

/** A message that only the recipient opens. */
export interface Message {
  /** The sender's one-time public key, 32 bytes. */
  encapsulated: Bytes;
  /** The message and its tag. */
  ciphertext: Bytes;
}

/** Seals to a public key. Throws `BadPublicKey` for one of small order. */
export async function seal(recipient: Bytes, info: Bytes, aad: Bytes, plaintext: Bytes): Promise<Message> {
  return sealFrom(await generateKeyPair(false), recipient, info, aad, plaintext);
}

/** As `seal`, with a one-time key of the caller's. It must never be used again. */
export async function sealFrom(
  once: KeyPair,
  recipient: Bytes,
  info: Bytes,
  aad: Bytes,
  plaintext: Bytes,
): Promise<Message> {
  const shared = await agree(once.privateKey, recipient);
  const { key, iv } = await schedule(shared, concat(once.publicKey, recipient), info);
  const parameters = { name: "AES-GCM", iv, additionalData: aad, tagLength: 128 };
  const ciphertext = new Uint8Array(await crypto.subtle.encrypt(parameters, key, plaintext));
  return { encapsulated: once.publicKey, ciphertext };
}

/** Opens what was sealed to this key. Throws `Refused` for any mismatch. */
export async function open(secret: KeyPair, info: Bytes, aad: Bytes, message: Message): Promise<Bytes> {
  try {
    const shared = await agree(secret.privateKey, message.encapsulated);
    const { key, iv } = await schedule(shared, concat(message.encapsulated, secret.publicKey), info);
    const parameters = { name: "AES-GCM", iv, additionalData: aad, tagLength: 128 };
    return new Uint8Array(await crypto.subtle.decrypt(parameters, key, message.ciphertext));
  } catch {
    throw new Refused();
  }
}

/** Key and nonce of the first message (sections 4.1 and 5.1). */
async function schedule(shared: Bytes, kemContext: Bytes, info: Bytes): Promise<{ key: CryptoKey; iv: Bytes }> {
  const agreed = await extract(KEM, NOTHING, "eae_prk", shared);
  const sharedSecret = await expand(KEM, agreed, "shared_secret", kemContext, 32);
  const context = concat(
    Uint8Array.of(0),
    await extract(SUITE, NOTHING, "psk_id_hash", NOTHING),
    await extract(SUITE, NOTHING, "info_hash", info),
  );
  const secret = await extract(SUITE, sharedSecret, "secret", NOTHING);
  const raw = await expand(SUITE, secret, "key", context, 32);
  const key = await crypto.subtle.importKey("raw", raw, "AES-GCM", false, ["encrypt", "decrypt"]);
  const iv = await expand(SUITE, secret, "base_nonce", context, 12);
  for (const bytes of [shared, agreed, sharedSecret, secret, raw]) bytes.fill(0);
  return { key, iv };
}

function extract(suite: Bytes, salt: Bytes, label: string, material: Bytes): Promise<Bytes> {
  // WebCrypto refuses an empty key; HMAC pads a short one with zeros, so these are the same.
  const key: Bytes = salt.length === 0 ? new Uint8Array(32) : salt;
  return hmac(key, concat(utf8("HPKE-v1"), suite, utf8(label), material));
}

/** For at most 32 bytes, which are one block. */
async function expand(suite: Bytes, key: Bytes, label: string, info: Bytes, length: number): Promise<Bytes> {
  const labelled = concat(bigEndian(length, 2), utf8("HPKE-v1"), suite, utf8(label), info);
  return (await hmac(key, concat(labelled, Uint8Array.of(1)))).slice(0, length);
}

async function hmac(key: Bytes, data: Bytes): Promise<Bytes> {
  const imported = await crypto.subtle.importKey("raw", key, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  return new Uint8Array(await crypto.subtle.sign("HMAC", imported, data));
}
