/**
 * A key in a file that only its passphrase opens: PBKDF2-HMAC-SHA256 and AES-256-GCM. What the file says in clear is bound
 * to what it hides, so that nothing of it can be changed.
 */

import { canonical } from "../canonical.ts";
import { fromHex, toHex, utf8, type Bytes, type Hex } from "../envelope/bytes.ts";

/** What OWASP asks for PBKDF2-HMAC-SHA256 at least. */
export const ITERATIONS = 600_000;
/** Beyond this a file only wants to keep the browser busy. */
const MOST_ITERATIONS = 10_000_000;
/** Fewer characters are guessed too soon, whatever the iterations. */
export const SHORTEST_PASSPHRASE = 12;

const FORMAT = "atoll key backup";

/** What a key is for, in words of the API. */
export type Purpose = "consumer" | "publisher" | "provider";

/** What a backup says in clear. */
export interface Header {
  /** Whose wallet it belongs to. */
  account: Hex;
  purpose: Purpose;
  /** X25519 public key. */
  public_key: Hex;
}

interface File extends Header {
  format: typeof FORMAT;
  version: 1;
  kdf: { name: "PBKDF2-HMAC-SHA256"; iterations: number; salt: Hex };
  cipher: { name: "AES-256-GCM"; nonce: Hex };
  ciphertext: Hex;
}

/** The file is not a backup that this page can read. */
export class NotABackup extends Error {
  constructor(why: string) {
    super(`This file is not a key backup that this page can read: ${why}. Choose the file that you saved when the key was made.`);
    this.name = "NotABackup";
  }
}

/** The passphrase does not open the file. */
export class WrongPassphrase extends Error {
  constructor() {
    super("This passphrase does not open the backup. Check capital letters and spaces, and try again. If you are sure of it, the file was changed: use another copy.");
    this.name = "WrongPassphrase";
  }
}

/** The passphrase protects too little. */
export class WeakPassphrase extends Error {
  constructor() {
    super(`Choose a passphrase of at least ${SHORTEST_PASSPHRASE} characters, best of several words that you use nowhere else.`);
    this.name = "WeakPassphrase";
  }
}

/** The text of a backup of these 32 secret bytes. */
export async function lock(header: Header, secret: Bytes, passphrase: string): Promise<string> {
  if ([...passphrase].length < SHORTEST_PASSPHRASE) throw new WeakPassphrase();
  const [salt, nonce] = [crypto.getRandomValues(new Uint8Array(32)), crypto.getRandomValues(new Uint8Array(12))];
  const clear = {
    format: FORMAT,
    version: 1,
    ...header,
    kdf: { name: "PBKDF2-HMAC-SHA256", iterations: ITERATIONS, salt: toHex(salt) },
    cipher: { name: "AES-256-GCM", nonce: toHex(nonce) },
  } satisfies Omit<File, "ciphertext">;
  const key = await stretch(passphrase, salt, ITERATIONS);
  const parameters = { name: "AES-GCM", iv: nonce, additionalData: utf8(canonical(clear)) };
  const ciphertext = toHex(new Uint8Array(await crypto.subtle.encrypt(parameters, key, secret)));
  return `${JSON.stringify({ ...clear, ciphertext }, null, 2)}\n`;
}

/** The header and the 32 secret bytes of a backup. Throws `NotABackup` or `WrongPassphrase`. */
export async function unlock(text: string, passphrase: string): Promise<{ header: Header; secret: Bytes }> {
  const { ciphertext, ...clear } = read(text);
  const key = await stretch(passphrase, fromHex(clear.kdf.salt), clear.kdf.iterations);
  const parameters = { name: "AES-GCM", iv: fromHex(clear.cipher.nonce), additionalData: utf8(canonical(clear)) };
  try {
    const secret = new Uint8Array(await crypto.subtle.decrypt(parameters, key, fromHex(ciphertext)));
    const { account, purpose, public_key } = clear;
    return { header: { account, purpose, public_key }, secret };
  } catch {
    throw new WrongPassphrase();
  }
}

async function stretch(passphrase: string, salt: Bytes, iterations: number): Promise<CryptoKey> {
  // The same letters have several forms in Unicode, and keyboards differ in which they type.
  const typed = utf8(passphrase.normalize("NFKC"));
  const base = await crypto.subtle.importKey("raw", typed, "PBKDF2", false, ["deriveKey"]);
  const parameters = { name: "PBKDF2", hash: "SHA-256", salt, iterations };
  return crypto.subtle.deriveKey(parameters, base, { name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"]);
}

function read(text: string): File {
  let file: File;
  try {
    file = JSON.parse(text) as File;
  } catch {
    throw new NotABackup("it is not JSON");
  }
  if (file?.format !== FORMAT) throw new NotABackup("it does not say that it is one");
  if (file.version !== 1) throw new NotABackup(`it has version ${file.version}, and this page knows version 1`);
  const isHex = (value: unknown, bytes: number) =>
    typeof value === "string" && new RegExp(`^0x[0-9a-f]{${2 * bytes}}$`).test(value);
  const sound =
    isHex(file.account, 20) &&
    ["consumer", "publisher", "provider"].includes(file.purpose) &&
    isHex(file.public_key, 32) &&
    file.kdf?.name === "PBKDF2-HMAC-SHA256" &&
    isHex(file.kdf.salt, 32) &&
    Number.isInteger(file.kdf.iterations) &&
    file.cipher?.name === "AES-256-GCM" &&
    isHex(file.cipher.nonce, 12) &&
    isHex(file.ciphertext, 48);
  if (!sound) throw new NotABackup("something in it is missing or has another form");
  if (file.kdf.iterations < ITERATIONS || file.kdf.iterations > MOST_ITERATIONS) {
    throw new NotABackup(`${file.kdf.iterations} iterations are not what this page writes`);
  }
  return file;
}
