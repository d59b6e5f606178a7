/** Who will compute on the data, and the key that the data is sealed to. */

import { recoverTypedDataAddress } from "viem/utils";

import { call, type Schema } from "../api/client.ts";
import { Problem } from "../api/problem.ts";
import { fromHex, type Hex } from "../envelope/bytes.ts";
import { isUsable } from "../envelope/x25519.ts";
import { same } from "../format.ts";
import { registration } from "../keys/registration.ts";
import { market } from "../market.ts";
import { Refused } from "../wallet/refused.ts";

/** A provider that can be sealed to. */
export interface Provider {
  wallet: Hex;
  publicKey: Hex;
  online: boolean;
  /** True if it can seal a worker on its machine, and so compute at all. */
  computes: boolean;
  /** True if the provider's wallet signed for this key: then not even the server can have put another in its place. */
  signed: boolean;
}

/** Looks a provider up. Throws `Refused` if nothing can be sealed to it. */
export async function findProvider(wallet: Hex): Promise<Provider> {
  const path = { address: wallet };
  const known = await call("get", "/v1/providers/{address}", { path }).catch((error: unknown) => {
    if (error instanceof Problem && error.status === 404) throw new UnknownProvider();
    throw error;
  });
  const publicKey = known.status.public_key as Hex;
  if (!(await isUsable(fromHex(publicKey)))) {
    throw new Refused("This provider's key is not safe", "Anybody could open what is sealed to it. Tell the provider, and choose another.");
  }
  const registered = await call("get", "/v1/accounts/{address}/keys/{purpose}", { path: { ...path, purpose: "provider" } }).catch(
    (error: unknown) => {
      if (error instanceof Problem && error.status === 404) return undefined;
      throw error;
    },
  );
  const signed = registered !== undefined && (await isSigned(registered, wallet));
  if (registered && signed && !same(registered.key, publicKey)) {
    throw new Refused(
      "This provider's two keys differ",
      "It runs with another key than the one that its wallet signed for. Ask the provider which is right. Nothing was uploaded.",
    );
  }
  return { wallet, publicKey, online: known.online, computes: known.status.sandbox.length > 0, signed };
}

async function isSigned(registered: Schema["RegisteredKey"], wallet: Hex): Promise<boolean> {
  const { chain_id: chainId, orders } = await market();
  const { issuedAt, deadline } = registered.registration;
  const { domain, types } = registration({ chainId, orders: orders as Hex }, wallet, "provider", registered.key as Hex, 0);
  const signer = await recoverTypedDataAddress({
    domain: { ...domain },
    types: { KeyRegistration: types.KeyRegistration },
    primaryType: "KeyRegistration",
    message: { account: wallet, purpose: "provider", key: registered.key as Hex, issuedAt: BigInt(issuedAt), deadline: BigInt(deadline) },
    signature: registered.signature as Hex,
  }).catch(() => undefined);
  return same(signer, wallet);
}

/** No provider with this wallet has been online. */
class UnknownProvider extends Refused {
  constructor() {
    super("No provider with this wallet has been online here", "Check the address, or ask the provider to start its runner, then try again.");
  }
}
