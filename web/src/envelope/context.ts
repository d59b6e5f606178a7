import { bigEndian, concat, fromHex, utf8, type Bytes, type Hex } from "./bytes.ts";

/** What an envelope belongs to. Copied to another asset, version or chain, it does not open. */
export interface Context {
  /** EIP-155 chain id. */
  chainId: number;
  /** The `AssetRegistry` contract. */
  registry: Hex;
  /** The asset. */
  tokenId: bigint;
  /** The asset's service. */
  serviceIndex: number;
  /** Version of the content. */
  version: number;
}

/** Fixed-length bytes: label, chain id, registry, token, service, version; integers big endian. */
export function contextBytes(context: Context): Bytes {
  const registry = fromHex(context.registry);
  if (registry.length !== 20) throw new TypeError("an address has 20 bytes");
  return concat(
    utf8("atoll/envelope/v1"),
    bigEndian(context.chainId, 8),
    registry,
    bigEndian(context.tokenId, 32),
    bigEndian(context.serviceIndex, 4),
    bigEndian(context.version, 4),
  );
}
