/** The messages of the market that wallets sign (EIP-712, `protocol::signed`). */

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
  { name: "specHash", type: "bytes32" },
  { name: "trainerHash", type: "bytes32" },
  { name: "modelHash", type: "bytes32" },
  { name: "resultHash", type: "bytes32" },
  { name: "epsilonMicros", type: "uint64" },
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
