/** The small document and the sound spec of the Rust tests (`protocol::document::example`, `protocol::job::check::tests`). */

import type { AssetDocument, Column, Policy } from "../src/document.ts";
import { check } from "../src/job/check.ts";
import { readSpec } from "../src/job/read.ts";

export const KEY = `0x${"09".repeat(32)}`;

const number = (name: string): Column => ({ name, type: { kind: "number", min: -1, max: 1 } });

/** Two numbers and a class; with further columns and another policy, if they are given. */
export function document(columns: readonly Column[] = [], policy: Partial<Policy> = {}): AssetDocument {
  return {
    name: "Points",
    description: "Two numbers and a class",
    license: "CC-BY-4.0",
    recordSet: [],
    "atoll:market": {
      columns: [number("x0"), number("x1"), { name: "y", type: { kind: "category", values: ["a", "b"] } }, ...columns],
      content: { rows: 100, ciphertext_bytes: 1000, ciphertext_sha256: "0x", media_type: "text/csv" },
      provider: { wallet: `0x${"03".repeat(20)}`, public_key: KEY },
      policy: {
        model_families: ["linear_regression", "logistic_regression", "multilayer_perceptron"],
        min_rows: 50,
        max_seconds: 600,
        max_memory_mib: 1024,
        max_parameters: 10_000,
        ...policy,
      },
    },
  };
}

/** A member's place, as a JSON pointer, and what is put there. */
export type Change = readonly [pointer: string, value: unknown];

/** The sound spec as JSON, with these members put in their places. */
export function spec(...changes: readonly Change[]): Record<string, unknown> {
  const sound = {
    version: 1,
    task: "binary_classification",
    data: {
      asset: "eip155:31337/erc721:0x5FbDB2315678afecb367f032d93F642f64180aa3/42",
      features: ["x0", "x1"],
      target: "y",
    },
    layers: [{ kind: "linear", units: 4 }, { kind: "relu" }, { kind: "linear", units: 2 }],
    loss: "cross_entropy",
    optimizer: { kind: "adam", learning_rate: 0.01 },
    training: { epochs: 10, batch_size: 8, seed: 1 },
    split: { test_fraction: 0.25, seed: 1 },
    limits: { max_seconds: 60, max_memory_mib: 256 },
  };
  for (const [pointer, value] of changes) {
    const path = pointer.split("/").slice(1);
    const last = path.pop() ?? "";
    const parent = path.reduce<unknown>((inner, name) => (inner as Record<string, unknown>)[name], sound);
    // A later change may be within this one.
    (parent as Record<string, unknown>)[last] = structuredClone(value);
  }
  return sound;
}

/** What the page says of a value as a job on a document: its cost, and every rule that it breaks. */
export function checked(value: unknown, of: AssetDocument): Partial<ReturnType<typeof check>> {
  const read = readSpec(value);
  return "spec" in read ? check(read.spec, of) : read;
}
