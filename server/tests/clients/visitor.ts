// A page's use of the API with types that are generated from its description. A test compiles this and runs it.
import createClient from "openapi-fetch";
import type { components, paths } from "./schema.js";

declare const process: { argv: string[]; exitCode: number };

const api = createClient<paths>({ baseUrl: process.argv[2] ?? "" });

function fail(problem: components["schemas"]["Problem"]): never {
  throw new Error(`${problem.type}: ${problem.detail}`);
}

const market = await api.GET("/v1/market");
if (market.error) fail(market.error);
const chain: number = market.data.chain_id;

const page = await api.GET("/v1/assets", { params: { query: { q: "table", limit: 10 } } });
if (page.error) fail(page.error);
const names: string[] = page.data.items.map((asset) => asset.name);
const prices: string[] = page.data.items.flatMap((asset) => asset.services.map((service) => service.price.amount));

const nonce = await api.POST("/v1/nonces");
if (nonce.error) fail(nonce.error);

// What the description does not know does not compile.
// @ts-expect-error: the limit is a number
await api.GET("/v1/assets", { params: { query: { limit: "many" } } });
// @ts-expect-error: there is no such path
await api.GET("/v1/nothing");

const missing = await api.GET("/v1/assets/{token_id}", { params: { path: { token_id: "7" } } });
if (!missing.error) throw new Error("there is an asset 7");

console.log(JSON.stringify({ chain, names, prices, nonce: nonce.data.nonce, missing: missing.error.type }));
