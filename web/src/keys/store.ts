/**
 * The browser's own keys, in IndexedDB. It stores them as they are: a private key that is not extractable stays so, and no
 * script can read it, this page's included.
 */

import { toHex, type Hex } from "../envelope/bytes.ts";
import type { KeyPair } from "../envelope/x25519.ts";
import type { Purpose } from "./backup.ts";

const DATABASE = "atoll";
const STORE = "keys";

/** A key of this browser. */
export interface StoredKey extends KeyPair {
  /** Wallet that it belongs to, lower case. */
  account: Hex;
  purpose: Purpose;
  /** Public key as hex: its name here. */
  id: Hex;
  /** When it came to this browser. */
  addedAt: Date;
  /** True if there is a backup, as far as this browser knows. */
  backedUp: boolean;
}

/** The browser does not let this page keep anything. */
export class NoStorage extends Error {
  constructor(cause: unknown) {
    super("This browser does not let the page keep keys. Leave private browsing, or allow this site to store data, and try again.", { cause });
    this.name = "NoStorage";
  }
}

/** All keys of this browser at this origin. */
export class KeyStore {
  private constructor(private readonly database: IDBDatabase) {}

  static async open(): Promise<KeyStore> {
    const request = indexedDB.open(DATABASE, 1);
    request.onupgradeneeded = () => {
      const store = request.result.createObjectStore(STORE, { keyPath: "id" });
      store.createIndex("account", ["account", "purpose"]);
    };
    try {
      return new KeyStore(await done(request));
    } catch (error) {
      throw new NoStorage(error);
    }
  }

  /** Keeps a key; one that is there already stays and only learns of its backup. */
  async add(key: Omit<StoredKey, "id" | "addedAt">): Promise<StoredKey> {
    const id = toHex(key.publicKey);
    const known = await this.find(id);
    const stored: StoredKey = known
      ? { ...known, backedUp: known.backedUp || key.backedUp }
      : { ...key, account: key.account.toLowerCase() as Hex, id, addedAt: new Date() };
    await this.change((store) => store.put(stored));
    return stored;
  }

  /** The key with this public half. */
  async find(id: Hex): Promise<StoredKey | undefined> {
    return (await this.read((store) => store.get(id.toLowerCase()))) as StoredKey | undefined;
  }

  /** The keys of an account for a purpose, the newest first. Older ones still open what was sealed to them. */
  async of(account: Hex, purpose: Purpose): Promise<StoredKey[]> {
    const range = IDBKeyRange.only([account.toLowerCase(), purpose]);
    const found = (await this.read((store) => store.index("account").getAll(range))) as StoredKey[];
    return found.sort((a, b) => b.addedAt.getTime() - a.addedAt.getTime());
  }

  /** Forgets a key for ever. */
  async remove(id: Hex): Promise<void> {
    await this.change((store) => store.delete(id.toLowerCase()));
  }

  close(): void {
    this.database.close();
  }

  private read<T>(ask: (store: IDBObjectStore) => IDBRequest<T>): Promise<T> {
    return done(ask(this.database.transaction(STORE, "readonly").objectStore(STORE)));
  }

  /** Done when it is on disk, not only asked for. */
  private change(ask: (store: IDBObjectStore) => IDBRequest): Promise<void> {
    const transaction = this.database.transaction(STORE, "readwrite", { durability: "strict" });
    ask(transaction.objectStore(STORE));
    return new Promise((resolve, reject) => {
      transaction.oncomplete = () => resolve();
      transaction.onabort = () => reject(new NoStorage(transaction.error));
    });
  }
}

function done<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error ?? new Error("the browser's database does not answer"));
  });
}
