/** A key of this browser, registered so that others can seal to its account. */

import { call, type Schema } from "../api/client.ts";
import { Problem } from "../api/problem.ts";
import type { Hex } from "../envelope/bytes.ts";
import { market } from "../market.ts";
import { signIn } from "../session.ts";
import type { Account } from "../wallet/account.ts";
import { onChain } from "../wallet/chain.ts";
import { ofWallet } from "../wallet/refused.ts";
import { registration } from "./registration.ts";
import type { StoredKey } from "./store.ts";

/** The key that an account has registered for a purpose. */
export async function registered(account: string, purpose: StoredKey["purpose"]): Promise<Hex | undefined> {
  const path = { address: account, purpose };
  const found = await call("get", "/v1/accounts/{address}/keys/{purpose}", { path }).catch((error: unknown) => {
    if (error instanceof Problem && error.status === 404) return undefined;
    throw error;
  });
  return found?.key as Hex | undefined;
}

/** Has the account's wallet sign for a key, and hands that in. */
export async function register(account: Account, key: StoredKey): Promise<Schema["RegisteredKey"]> {
  const held = await onChain(account);
  await signIn(held);
  const { chain_id: chainId, orders } = await market();
  const now = Math.floor(Date.now() / 1000);
  const message = registration({ chainId, orders: orders as Hex }, held.address as Hex, key.purpose, key.id, now);
  const signature = await held.wallet.provider
    .request({ method: "eth_signTypedData_v4", params: [held.address, JSON.stringify(message)] })
    .catch((error: unknown) => {
      throw ofWallet(error, "to sign for the key");
    });
  const path = { address: held.address, purpose: key.purpose };
  const body = { registration: message.message, signature: String(signature) };
  return call("put", "/v1/accounts/{address}/keys/{purpose}", { path, body });
}
