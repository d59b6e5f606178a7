/** What is sold in the tests: the sample data set for a token, for ether, and for nothing. */

import { encodeFunctionData, type Hex, parseAbi } from "viem";

import { act, api, keyOf, PROVIDER, PUBLISHER, transact, indexed, ZERO } from "./chain.ts";

export interface Service {
  datatoken: Hex;
  service_index: number;
  price: { amount: string; token: Hex };
}

export interface Asset {
  id: string;
  token_id: string;
  name: string;
  services: Service[];
}

/** Numbers of the services within the sample. */
export const TOKEN = 0;
export const ETHER = 1;
export const FREE = 2;

export const ETHER_PRICE = 20_000_000_000_000_000n;

export async function sample(): Promise<Asset> {
  const { items } = await api<{ items: Asset[] }>("GET", "/v1/assets?q=breast");
  const found = items.at(-1);
  if (!found) throw new Error("the market has no sample data set");
  return found;
}

const TEST_DOLLAR = parseAbi(["function mint(address to, uint256 amount)"]);

/** Gives an account test dollars, in base units. */
export async function give(to: Hex, amount: bigint): Promise<void> {
  const token = (await sample()).services[TOKEN]?.price.token ?? ZERO;
  const data = encodeFunctionData({ abi: TEST_DOLLAR, functionName: "mint", args: [to, amount] });
  await indexed(await transact(keyOf(0), { to: token, data }));
}

/**
 * Runs once before all tests. The sample's content key is sealed for its first service, so the others can be bought and not
 * run.
 */
export async function setup(): Promise<void> {
  const asset = await sample();
  const publisher = keyOf(PUBLISHER);
  const provider = keyOf(PROVIDER).address;
  for (const [index, price] of [
    [ETHER, ETHER_PRICE],
    [FREE, 0n],
  ] as const) {
    if (asset.services.some(({ service_index }) => service_index === index)) continue;
    await act(publisher, {
      kind: "add_service",
      token_id: asset.token_id,
      service: { provider, payment_token: null, price: price.toString() },
    });
  }
}
