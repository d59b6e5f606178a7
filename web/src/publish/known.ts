/** What the market's data sets are paid with, and who computes on them: suggestions for the next one. */

import { call, type Schema } from "../api/client.ts";
import { documentOf } from "../document.ts";
import type { Hex } from "../envelope/bytes.ts";
import { ZERO } from "../format.ts";

export type Token = Pick<Schema["Money"], "token" | "symbol" | "decimals">;

export interface Known {
  /** Ether is always the last. */
  readonly tokens: readonly Token[];
  readonly providers: readonly Hex[];
}

const ETHER: Token = { token: ZERO, symbol: "ETH", decimals: 18 };

export async function known(signal: AbortSignal): Promise<Known> {
  const { items } = await call("get", "/v1/assets", { query: { kind: "dataset", limit: 100 }, signal });
  const prices = items.flatMap(({ services }) => services.map(({ price }) => price)).filter(({ token }) => token !== ZERO);
  const tokens = [...new Map(prices.map((price) => [price.token, price])).values(), ETHER];
  const documents = items.flatMap((asset) => documentOf(asset) ?? []);
  const providers = [...new Set(documents.map(({ "atoll:market": { provider } }) => provider.wallet as Hex))];
  return { tokens, providers };
}
