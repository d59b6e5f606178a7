/** The key that results are sealed to: made in this browser when it is first needed, and never able to leave it. */

import type { Hex } from "../envelope/bytes.ts";
import { makeKey } from "../keys/keys.ts";
import { KeyStore, type StoredKey } from "../keys/store.ts";

/** This account's newest key for results; a new one if there is none. */
export async function resultKey(account: string): Promise<StoredKey> {
  const store = await KeyStore.open();
  try {
    const [newest] = await store.of(account as Hex, "consumer");
    return newest ?? (await makeKey(store, account as Hex, "consumer", null)).key;
  } finally {
    store.close();
  }
}

/** All keys that may open a result of this account, the newest first. */
export async function resultKeys(account: string): Promise<StoredKey[]> {
  const store = await KeyStore.open();
  try {
    return await store.of(account as Hex, "consumer");
  } finally {
    store.close();
  }
}

/** True if the next result would open in this browser only: its key has no backup, or is not made yet. */
export async function lacksBackup(account: string): Promise<boolean> {
  const [newest] = await resultKeys(account);
  return !newest?.backedUp;
}
