/** The market that this page belongs to, and what it says of its chain; asked for once. */

import { call, request, type Schema } from "./api/client.ts";

export type Market = Schema["Market"];

interface Network {
  chain_name: string | null;
  rpc_url: string | null;
}

let asked: Promise<Market> | undefined;
let described: Promise<Network> | undefined;

export function market(): Promise<Market> {
  asked ??= call("get", "/v1/market").catch((error: unknown) => {
    asked = undefined;
    throw error;
  });
  return asked;
}

/** Chains that wallets know by themselves. */
const KNOWN: Record<number, string> = {
  1: "Ethereum",
  10: "OP Mainnet",
  137: "Polygon",
  8453: "Base",
  42161: "Arbitrum One",
  11155111: "Sepolia",
};

export function network(): Promise<Network> {
  described ??= request("/page.json")
    .then((response) => response.json() as Promise<Network>)
    .catch(() => ({ chain_name: null, rpc_url: null }));
  return described;
}

export async function chainName(): Promise<string> {
  const { chain_id: id } = await market();
  return (await network()).chain_name ?? KNOWN[id] ?? `chain ${id}`;
}
