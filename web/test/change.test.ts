import { expect, test } from "vitest";

import type { Column, Policy } from "../src/document.ts";
import {
  tasksFor,
  withConvolutions,
  withFamily,
  withFeatures,
  withLoss,
  withNetwork,
  withOptimizer,
  withSchedule,
  withTarget,
  withTask,
  withTraining,
  withWindows,
} from "../src/job/change.ts";
import type { Layer } from "../src/job/layers.ts";
import { convolutional, type Convolutions, convolutionsOf, networkOf } from "../src/job/network.ts";
import { canBePredicted, familiesFor, familyOf, type JobSpec } from "../src/job/spec.ts";
import { suggest } from "../src/job/suggest.ts";
import { checked, document } from "../tools/example.ts";

const FAMILIES: Policy["model_families"] = [
  "linear_regression",
  "logistic_regression",
  "multilayer_perceptron",
  "convolutional_network",
];
const ASSET = `eip155:1/erc721:0x${"06".repeat(20)}/1`;
const image = (name: string, side: number): Column => ({
  name,
  type: { kind: "image", height: side, width: side, channels: 1 },
});
const DOCUMENT = document(
  [image("scan", 28), image("photo", 12), { name: "ward", type: { kind: "category", values: ["n", "s", "w"] } }],
  { model_families: FAMILIES },
);
const MARKET = DOCUMENT["atoll:market"];

function column(name: string): Column {
  const found = MARKET.columns.find((one) => one.name === name);
  if (!found) throw new Error(name);
  return found;
}

/** What the form begins with; of a table without images, if they are left out. */
function suggested(target: string, columns: readonly Column[] = MARKET.columns, policy: Partial<Policy> = {}): JobSpec {
  return suggest(ASSET, columns, 100, { ...MARKET.policy, ...policy }, column(target));
}

const TABLE = MARKET.columns.filter(({ type }) => type.kind !== "image");

function sound(spec: JobSpec): JobSpec {
  expect(checked(spec, DOCUMENT).broken, JSON.stringify(spec)).toEqual([]);
  return spec;
}

/** Two convolutions, one of which the form can not show. */
const FINE: Layer[] = [
  { kind: "as_sequence", length: 2, channels: 1 },
  { kind: "conv1d", channels: 4, kernel: 2, padding: 1 },
  { kind: "flatten" },
  { kind: "layer_norm" },
  { kind: "linear", units: 2 },
];

test("images are learnt from by convolutions that are within the publisher's limits", () => {
  const spec = sound(suggested("y"));
  expect([spec.task, familyOf(spec), spec.data.features]).toEqual([
    "image_classification",
    "convolutional_network",
    ["scan"],
  ]);
  expect(convolutionsOf(spec)?.channels).toEqual([16, 32]);
  expect(familyOf(sound(suggested("x0")))).toBe("multilayer_perceptron");
  // Less room, and less is proposed.
  expect(convolutionsOf(suggested("y", MARKET.columns, { max_parameters: 500 }))?.channels[0]).toBeLessThan(16);
  expect(suggested("y", MARKET.columns, { model_families: ["multilayer_perceptron"] }).task).toBe(
    "binary_classification",
  );
  const privacy = { delta: 1e-3, epsilon_per_job: 3, epsilon_per_buyer: 6, epsilon_total: 12 };
  const noisy = suggested("y", MARKET.columns, { privacy });
  expect(checked(noisy, document(MARKET.columns.slice(3), { model_families: FAMILIES, privacy })).broken).toEqual([]);
});

test("the form shows the convolutions that it wrote, and says so of others", () => {
  const shown: Convolutions = { channels: [4, 8], kernel: 5, activation: "gelu", dropout: 0.2, normalised: true };
  const layers = convolutional({ height: 12, width: 12, channels: 1 }, 2, shown);
  expect(convolutionsOf({ layers })).toEqual(shown);
  // As another program may write it.
  const spelled = layers.map((layer) => (layer.kind === "conv2d" ? { stride: 1, ...layer } : layer));
  expect(convolutionsOf({ layers: spelled })).toEqual(shown);
  expect(convolutionsOf({ layers: layers.filter(({ kind }) => kind !== "max_pool") })).toBeUndefined();
  expect([convolutionsOf({ layers: FINE }), networkOf({ layers: FINE }), networkOf({ layers })]).toEqual([
    undefined,
    undefined,
    undefined,
  ]);
});

test("every target, task and family that the form offers is a sound job", () => {
  for (const target of MARKET.columns.filter(canBePredicted)) {
    const first = withTarget(suggested("y"), MARKET, target.name);
    for (const task of tasksFor(target, MARKET.columns, first.task))
      for (const family of familiesFor(target, MARKET.columns, MARKET.policy)) {
        const spec = withFamily(withTask(first, MARKET, task), MARKET, family);
        expect(familyOf(spec), `${target.name} ${task}`).toBe(family);
        // 784 pixels and 16 units are more than this publisher allows; that is all that may be wrong.
        const broken = checked(spec, DOCUMENT).broken?.filter(({ pointer }) => pointer !== "/layers");
        expect(broken, `${target.name} ${task} ${family}`).toEqual([]);
      }
  }
});

test("another target changes no more than it has to", () => {
  const spec: JobSpec = {
    ...suggested("y", TABLE),
    layers: FINE,
    data: { asset: ASSET, features: ["x0", "x1"], target: "y" },
    schedule: { warm_up: 2 },
  };
  const ward = sound(withTarget(sound(spec), MARKET, "ward"));
  expect(ward).toEqual({
    ...spec,
    task: "multiclass_classification",
    data: { ...spec.data, target: "ward" },
    layers: [...FINE.slice(0, -1), { kind: "linear", units: 3 }],
  });
  // Who learns from everything still does, and what is predicted is not learnt from.
  const all = suggested("y", TABLE);
  expect(all.data.features).toEqual(["x0", "x1", "ward"]);
  expect(withTarget(all, { ...MARKET, columns: TABLE }, "x0").data.features).toEqual(["x1", "ward", "y"]);
  expect(withTarget(ward, MARKET, "x1").data.features).toEqual(["x0"]);
  // A family that is not allowed for this target gives way to one that is.
  const policy = {
    ...MARKET.policy,
    model_families: ["logistic_regression" as const, "multilayer_perceptron" as const],
  };
  const simple = withFamily(all, MARKET, "logistic_regression");
  expect(familyOf(withTarget(simple, { columns: TABLE, policy }, "x0"))).toBe("multilayer_perceptron");
});

test("images and tables take turns", () => {
  const spec = suggested("y");
  const tabular = withTask(spec, MARKET, "binary_classification");
  expect([familyOf(sound(tabular)), tabular.data.features]).toEqual(["multilayer_perceptron", ["x0", "x1", "ward"]]);
  const again = sound(withTask(tabular, MARKET, "image_classification"));
  expect([again.layers, again.data.features]).toEqual([spec.layers, ["scan"]]);
  // Another image has another size.
  const other = sound(withFeatures(again, MARKET, ["photo"]));
  expect(other.layers[0]).toEqual({ kind: "as_image", height: 12, width: 12, channels: 1 });
  expect(convolutionsOf(other)?.channels).toEqual(convolutionsOf(again)?.channels);
  const finer = { ...other, layers: other.layers.filter(({ kind }) => kind !== "relu") };
  expect(withTarget(finer, MARKET, "ward").layers.slice(0, -1)).toEqual(finer.layers.slice(0, -1));
  const deeper = sound(withConvolutions(other, { channels: [2, 2, 2], normalised: true }));
  expect(convolutionsOf(deeper)).toMatchObject({ channels: [2, 2, 2], normalised: true });
  // Where nothing is left to halve, nothing is.
  sound(withConvolutions(other, { channels: [2, 2, 2, 2, 2, 2] }));
  expect(checked(withConvolutions(other, { channels: [] }), DOCUMENT).broken?.[0]?.pointer).toBe("/layers/1/channels");
});

test("a loss brings its outputs and its numbers with it", () => {
  const spec = suggested("y", TABLE);
  const one = sound(withLoss(spec, MARKET, "binary_cross_entropy"));
  expect(one.layers.at(-1)).toEqual({ kind: "linear", units: 1 });
  expect(sound(withNetwork(one, { hidden: [8, 4] })).layers.at(-1)).toEqual({ kind: "linear", units: 1 });
  expect(sound(withLoss(one, MARKET, "cross_entropy"))).toEqual(spec);
  const weighted = sound(withLoss(spec, MARKET, "weighted_cross_entropy"));
  expect(weighted.loss).toEqual({ weighted_cross_entropy: { class_weights: [1, 1] } });
  expect(sound(withTarget(weighted, MARKET, "ward")).loss).toEqual({
    weighted_cross_entropy: { class_weights: [1, 1, 1] },
  });
  const price = sound(withTarget(weighted, MARKET, "x0"));
  expect(price.loss).toBe("mean_squared_error");
  const huber = sound(withLoss(price, MARKET, "huber"));
  expect(sound(withTarget(huber, MARKET, "x1")).loss).toEqual(huber.loss);
});

test("what is turned off leaves nothing behind, so that the hash is that of the shorter spec", () => {
  const spec = suggested("y", TABLE);
  const falling = withSchedule(withSchedule(spec, { warm_up: 2 }), { decay: { kind: "cosine" } });
  expect(falling.schedule).toEqual({ warm_up: 2, decay: { kind: "cosine" } });
  expect(withSchedule(withSchedule(falling, { decay: null }), { warm_up: 0 })).toEqual(spec);
  const stopping = withTraining(withTraining(spec, { gradient_clip: 1 }), { early_stopping: { patience: 3 } });
  expect(stopping.training).toMatchObject({ gradient_clip: 1, early_stopping: { patience: 3 } });
  const back = withTraining(withTraining(stopping, { gradient_clip: null }), { early_stopping: null });
  expect(JSON.stringify(back)).toBe(JSON.stringify(spec));
  const windowed = withWindows(spec, { length: 4, horizon: 1, stride: 1 });
  expect(JSON.stringify(withWindows(windowed, undefined))).toBe(JSON.stringify(spec));
  expect(withOptimizer(spec, "adamw").optimizer).toEqual({ kind: "adamw", learning_rate: 0.01 });
  expect(withOptimizer(withOptimizer(spec, "sgd"), "adam")).toEqual(spec);
});
