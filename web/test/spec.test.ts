import { expect, test } from "vitest";

import { type AssetDocument, type Column, targetOf, type Trusted } from "../src/document.ts";
import { check } from "../src/job/check.ts";
import { layersOf, networkOf } from "../src/job/network.ts";
import { readSpec } from "../src/job/read.ts";
import { familyOf, type JobSpec, likelyTarget } from "../src/job/spec.ts";
import { suggest } from "../src/job/suggest.ts";

const COLUMNS: Column[] = [
  { name: "age", type: { kind: "number", min: 0, max: 120 } },
  { name: "ward", type: { kind: "category", values: ["a", "b", "c"] } },
  { name: "stay", type: { kind: "number", min: 0, max: 90 } },
  { name: "outcome", type: { kind: "category", values: ["home", "moved"] } },
];

const DOCUMENT: AssetDocument = {
  name: "Stays",
  description: "",
  license: "CC0-1.0",
  recordSet: [{ field: COLUMNS.map(({ name }) => ({ name, dataType: "sc:Text" })) }],
  "atoll:market": {
    columns: COLUMNS,
    content: { rows: 1000, ciphertext_bytes: 1, ciphertext_sha256: "0x", media_type: "text/csv" },
    provider: { wallet: "0x", public_key: "0x" },
    policy: {
      model_families: ["linear_regression", "logistic_regression", "multilayer_perceptron"],
      min_rows: 100,
      max_seconds: 300,
      max_memory_mib: 1024,
      max_parameters: 500,
    },
  },
};

function suggested(target: string): JobSpec {
  const column = COLUMNS.find(({ name }) => name === target);
  if (!column) throw new Error(target);
  const { content, policy } = DOCUMENT["atoll:market"];
  return suggest("eip155:1/erc721:0x/1", COLUMNS, content.rows, policy, column);
}

test("whatever column is predicted, the suggestion breaks no rule", () => {
  for (const { name } of COLUMNS) expect(check(suggested(name), DOCUMENT).broken, name).toEqual([]);
  expect(likelyTarget(COLUMNS)?.name).toBe("outcome");
  expect(likelyTarget(COLUMNS.slice(0, 3))?.name).toBe("ward");
});

test("the column that the publisher marked is suggested before any other", () => {
  expect(targetOf(DOCUMENT)).toBeUndefined();
  const [first, ...others] = COLUMNS.map(({ name }) => ({ name, dataType: "sc:Float" as string | string[] }));
  const field = [{ name: first?.name ?? "", dataType: ["sc:Float", "cr:Label"] }, ...others];
  const marked = targetOf({ ...DOCUMENT, recordSet: [{ field }] });
  expect(marked?.name).toBe("age");
  expect(likelyTarget(COLUMNS, marked)?.name).toBe("age");
});

test("a job's size is that of the market's own arithmetic", () => {
  // 1 + 3 + 1 inputs, 16 hidden units, 2 outputs.
  const { cost } = check(suggested("outcome"), DOCUMENT);
  expect([cost?.inputs, cost?.outputs, cost?.parameters]).toEqual([5, 2, 6 * 16 + 17 * 2]);
  expect(cost?.flops).toBe(130 * 6 * 1000 * 30);
});

test("an image is many inputs and nothing to predict", () => {
  const picture: Column = { name: "picture", type: { kind: "image", height: 28, width: 20, channels: 3 } };
  const market = DOCUMENT["atoll:market"];
  const document = { ...DOCUMENT, "atoll:market": { ...market, columns: [...COLUMNS, picture] } };
  const spec = suggested("outcome");
  spec.data.features = ["picture", "age"];
  const { cost, broken } = check(spec, document);
  expect([cost?.inputs, cost?.parameters]).toEqual([1681, 1682 * 16 + 17 * 2]);
  expect(broken.map(({ pointer }) => pointer)).toEqual(["/layers"]);
  expect(likelyTarget([picture])).toBeUndefined();
  expect(likelyTarget([COLUMNS[0] as Column, { ...picture, name: "label" }])?.name).toBe("age");
  const target = { ...spec, data: { ...spec.data, features: ["age"], target: "picture" } };
  expect(check(target, document).broken).toEqual([{ pointer: "/data/target", message: expect.stringContaining("holds images") }]);
});

test("every rule that is broken is named with its place", () => {
  const broken = (change: (spec: JobSpec) => void): string[] => {
    const spec = suggested("outcome");
    change(spec);
    return check(spec, DOCUMENT).broken.map(({ pointer }) => pointer);
  };
  expect(broken((spec) => (spec.training.epochs = 0))).toEqual(["/training/epochs"]);
  expect(broken((spec) => (spec.training.epochs = 1.5))).toEqual(["/training/epochs"]);
  // A field that is empty at the moment is the only thing that is wrong.
  expect(broken((spec) => (spec.training.batch_size = Number.NaN))).toEqual(["/training/batch_size"]);
  expect(broken((spec) => (spec.training.epochs = Number.NaN))).toEqual(["/training/epochs"]);
  expect(broken((spec) => (spec.split.test_fraction = 0.51))).toEqual(["/split/test_fraction"]);
  expect(broken((spec) => (spec.optimizer.learning_rate = 0))).toEqual(["/optimizer/learning_rate"]);
  expect(broken((spec) => (spec.limits.max_seconds = 301))).toEqual(["/limits/max_seconds"]);
  expect(broken((spec) => (spec.limits.max_memory_mib = 2000))).toEqual(["/limits/max_memory_mib"]);
  expect(broken((spec) => spec.data.features.push("outcome"))).toEqual(["/data/features/3"]);
  expect(broken((spec) => (spec.data.features = []))).toEqual(["/data/features"]);
  expect(broken((spec) => (spec.data.features[0] = "nothing"))).toEqual(["/data/features/0"]);
  expect(broken((spec) => (spec.loss = "mean_squared_error"))).toEqual(["/loss"]);
  expect(broken((spec) => (spec.task = "regression"))).toContain("/task");
  expect(
    broken(
      (spec) => (spec.layers = layersOf("logistic_regression", 3, { hidden: [], activation: "relu", dropout: 0 })),
    ),
  ).toEqual(["/layers/0"]);
  // More trainable numbers than the publisher allows.
  expect(
    broken(
      (spec) => (spec.layers = layersOf("multilayer_perceptron", 2, { hidden: [64], activation: "relu", dropout: 0 })),
    ),
  ).toEqual(["/layers"]);
});

test("the form shows the layers that it wrote, and says so of others", () => {
  const network = { hidden: [32, 16], activation: "gelu", dropout: 0.2 } as const;
  const spec = { ...suggested("outcome"), layers: layersOf("multilayer_perceptron", 2, network) };
  expect(networkOf(spec)).toEqual(network);
  expect(familyOf(spec)).toBe("multilayer_perceptron");
  spec.layers.splice(1, 1, { kind: "tanh" });
  expect(networkOf(spec)).toBeUndefined();
});

test("a data set that lists algorithms runs no other model", () => {
  const market = DOCUMENT["atoll:market"];
  const trusting = (trusted_algorithms: Trusted[] | null): AssetDocument => ({
    ...DOCUMENT,
    "atoll:market": { ...market, policy: { ...market.policy, trusted_algorithms } },
  });
  const listed = trusting([{ kind: "author", wallet: `0x${"01".repeat(20)}` }]);
  expect(check(suggested("outcome"), listed).broken).toEqual([
    {
      pointer: "/algorithm",
      message: "the publisher lets only algorithms run that it lists; name one of them, with its asset and hash",
    },
  ]);
  expect(check(suggested("outcome"), trusting(null)).broken).toEqual([]);
});

test("a job of further assets is left to the command line", () => {
  const asset = `eip155:1/erc721:0x${"06".repeat(20)}/2`;
  const joined = [{ asset, key: "patient", on: "patient", features: ["dose"] }];
  const algorithm = { asset, hash: `0x${"07".repeat(32)}` };
  const spec = suggested("outcome");
  const broken = (change: Partial<JobSpec>): string[] => check({ ...spec, ...change }, DOCUMENT).broken.map(({ pointer }) => pointer);
  expect(broken({ data: { ...spec.data, joined } })).toEqual(["/data/joined"]);
  expect(broken({ algorithm })).toEqual(["/algorithm"]);
  expect(broken({ data: { ...spec.data, joined: [] }, algorithm: null })).toEqual([]);
  // Such a spec is read as text, so that the reason is told and not that it is of another form.
  expect(readSpec({ ...spec, data: { ...spec.data, asset, joined }, algorithm })).toMatchObject({ spec: { algorithm } });
});
