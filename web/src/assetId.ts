/** Assets by their CAIP-19 ids: `eip155:CHAIN/erc721:REGISTRY/TOKEN`. */

import { same } from "./format.ts";

/** The asset's number within its market, as the page's addresses have it. */
export function tokenOf(id: string): string {
  return id.slice(id.lastIndexOf("/") + 1);
}

/** True if both are assets of one registry on one chain: elsewhere the same number is another asset. */
export function ofOneMarket(one: string, other: string): boolean {
  const registry = (id: string): string => id.slice(0, id.lastIndexOf("/"));
  return same(registry(one), registry(other));
}
