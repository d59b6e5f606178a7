/** The messages of the market that wallets sign (EIP-712, `protocol::signed`). */

import type { Hex } from "viem";
import { concat, keccak256 } from "viem/utils";

import type { Market } from "../market.ts";

const DOMAIN = [
  { name: "name", type: "string" },
  { name: "version", type: "string" },
  { name: "chainId", type: "uint256" },
  { name: "verifyingContract", type: "address" },
] as const;

const JOB_REQUEST = [
  { name: "orderId", type: "bytes32" },
  { name: "specHash", type: "bytes32" },
  { name: "resultKey", type: "bytes32" },
  { name: "deadline", type: "uint64" },
] as const;

const RECEIPT = [
  { name: "orderId", type: "bytes32" },
  { name: "requestHash", type: "bytes32" },
  { name: "metadataHash", type: "bytes32" },
  { name: "dataCommitment", type: "bytes32" },
  { name: "furtherHash", type: "bytes32" },
  { name: "specHash", type: "bytes32" },
  { name: "trainerHash", type: "bytes32" },
  { name: "modelHash", type: "bytes32" },
  { name: "resultHash", type: "bytes32" },
  { name: "epsilonMicros", type: "uint64" },
  { name: "seedCommitment", type: "bytes32" },
  { name: "ledgerHead", type: "bytes32" },
  { name: "finishedAt", type: "uint64" },
] as const;

export interface JobRequest {
  orderId: string;
  specHash: string;
  resultKey: string;
  deadline: number;
}

export function domainOf(market: Market) {
  return {
    name: "Atoll",
    version: "1",
    chainId: market.chain_id,
    verifyingContract: market.orders as `0x${string}`,
  } as const;
}

/** What `eth_signTypedData_v4` takes. */
export function typedJobRequest(market: Market, message: JobRequest) {
  return {
    types: { EIP712Domain: DOMAIN, JobRequest: JOB_REQUEST },
    primaryType: "JobRequest",
    domain: domainOf(market),
    message,
  } as const;
}

/** What a provider's receipt is signed as. */
export const RECEIPT_TYPES = { Receipt: RECEIPT } as const;

const NONE: Hex = `0x${"00".repeat(32)}`;

/**
 * A receipt's `furtherHash` of these metadata hashes; nothing if one of them is no hash: of other lengths, several lists
 * would have the same.
 */
export function furtherHash(hashes: readonly string[]): Hex | undefined {
  if (!hashes.every((hash) => /^0x[0-9a-f]{64}$/i.test(hash))) return undefined;
  return hashes.length === 0 ? NONE : keccak256(concat(hashes as readonly Hex[]));
}
