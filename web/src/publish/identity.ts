/** The id that an asset will have. Its content is sealed to it, so it is computed here and not taken from anybody. */

import { encodeAbiParameters, hexToBigInt, keccak256, sliceHex } from "viem/utils";

import type { Hex } from "../envelope/bytes.ts";

/** The last 12 bytes of a hash of chain, registry, publisher and salt, as the registry computes it. */
export function tokenIdOf(chainId: number, registry: Hex, publisher: Hex, salt: Hex): bigint {
  const types = [{ type: "uint256" }, { type: "address" }, { type: "address" }, { type: "bytes32" }] as const;
  const preimage = encodeAbiParameters(types, [BigInt(chainId), registry, publisher, salt]);
  return hexToBigInt(sliceHex(keccak256(preimage), 20));
}
