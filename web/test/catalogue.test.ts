import { expect, test } from "vitest";

import type { Schema } from "../src/api/client.ts";
import { cardOf } from "../src/pages/catalogue/card.ts";
import { asked, filtersOf, noun } from "../src/pages/catalogue/filters.ts";

const PRICE = { amount: "2000000", decimals: 6, symbol: "tUSD", token: `0x${"01".repeat(20)}` };

function asset(kind: Schema["AssetKind"], metadata: object): Schema["Asset"] {
  const about = { token_id: "7", name: "One", description: "", state: "active", published_at: "2026-11-01T00:00:00Z" };
  return { ...about, kind, metadata, services: [{ price: PRICE }, { price: PRICE }] } as unknown as Schema["Asset"];
}

test("a card of an algorithm has no rows and columns", () => {
  const market = { columns: [{}, {}], content: { rows: 100 } };
  const data = cardOf(asset("dataset", { keywords: ["health"], "atoll:market": market }));
  expect([data.size, data.keywords, data.price]).toEqual([{ rows: 100, columns: 2 }, ["health"], "2 tUSD"]);
  const algorithm = cardOf(asset("algorithm", { keywords: ["small"], "atoll:algorithm": {} }));
  expect([algorithm.size, algorithm.keywords, algorithm.price]).toEqual([undefined, ["small"], "2 tUSD"]);
  expect(cardOf(asset("algorithm", {})).keywords).toEqual([]);
});

test("the address says which kind is shown, and so does what the API is asked", () => {
  const kindOf = (text: string): unknown => asked(filtersOf(new URLSearchParams(text))).kind;
  expect(kindOf("kind=algorithm&q=net")).toBe("algorithm");
  expect(kindOf("kind=dataset")).toBe("dataset");
  expect(kindOf("")).toBeUndefined();
  expect(kindOf("kind=anything")).toBeUndefined();
  expect(filtersOf(new URLSearchParams("kind=algorithm"))).toMatchObject({ kind: "algorithm", q: "" });
});

test("what is counted is called by its kind", () => {
  const names = (kind: string): string[] => [1, 2].map((count) => noun(count, filtersOf(new URLSearchParams({ kind }))));
  expect(names("dataset")).toEqual(["data set", "data sets"]);
  expect(names("algorithm")).toEqual(["algorithm", "algorithms"]);
  expect(names("")).toEqual(["data set or algorithm", "data sets and algorithms"]);
});
