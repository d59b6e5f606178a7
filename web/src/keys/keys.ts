/** Making a key, with its backup, and bringing one back. */

import { equal, fromHex, toHex, type Hex } from "../envelope/bytes.ts";
import { exportSecret, generateKeyPair, importKeyPair } from "../envelope/x25519.ts";
import { lock, NotABackup, unlock, type Purpose } from "./backup.ts";
import type { KeyStore, StoredKey } from "./store.ts";

/** A new key of this browser, and the text of its backup file. */
export interface Made {
  key: StoredKey;
  /** Null if none was asked for: then there can never be one. */
  backup: string | null;
}

/**
 * Makes a key. With a passphrase it is extractable once, for its backup, and what is kept is not. Without, it never was.
 * Throws `WeakPassphrase` for a passphrase that is too short.
 */
export async function makeKey(
  store: KeyStore,
  account: Hex,
  purpose: Purpose,
  passphrase: string | null,
): Promise<Made> {
  if (passphrase === null) {
    const pair = await generateKeyPair(false);
    return { key: await store.add({ ...pair, account, purpose, backedUp: false }), backup: null };
  }
  const open = await generateKeyPair(true);
  const secret = await exportSecret(open);
  try {
    const header = { account: account.toLowerCase() as Hex, purpose, public_key: toHex(open.publicKey) };
    const backup = await lock(header, secret, passphrase);
    const pair = await importKeyPair(secret, false);
    return { key: await store.add({ ...pair, account, purpose, backedUp: true }), backup };
  } finally {
    secret.fill(0);
  }
}

/** Brings a key back from its backup. Throws `NotABackup` or `WrongPassphrase`. */
export async function restoreKey(store: KeyStore, backup: string, passphrase: string): Promise<StoredKey> {
  const { header, secret } = await unlock(backup, passphrase);
  try {
    const pair = await importKeyPair(secret, false);
    if (!equal(pair.publicKey, fromHex(header.public_key))) {
      throw new NotABackup("its secret key does not belong to its public key");
    }
    const { account, purpose } = header;
    return await store.add({ ...pair, account, purpose, backedUp: true });
  } finally {
    secret.fill(0);
  }
}
