/** A datatoken in the wallet's list of tokens (EIP-747). */

import type { Hex } from "viem";
import { hexToBigInt, hexToString, sliceHex } from "viem/utils";

import type { Account } from "../wallet/account.ts";
import { onChain } from "../wallet/chain.ts";

/** Selector of `symbol()` (ERC-20). */
const SYMBOL = "0x95d89b41";

/** Asks the wallet to show a datatoken; true if the visitor agreed. */
export async function watchDatatoken(account: Account, datatoken: string): Promise<boolean> {
  const { provider } = (await onChain(account)).wallet;
  const answer = await provider.request({ method: "eth_call", params: [{ to: datatoken, data: SYMBOL }, "latest"] });
  const options = { address: datatoken, symbol: text(answer as Hex).slice(0, 11), decimals: 18 };
  return (await provider.request({ method: "wallet_watchAsset", params: { type: "ERC20", options } })) === true;
}

/** A string as a contract returns it: offset, length, bytes. */
function text(answer: Hex): string {
  const length = Number(hexToBigInt(sliceHex(answer, 32, 64)));
  return length === 0 ? "" : hexToString(sliceHex(answer, 64, 64 + length));
}
