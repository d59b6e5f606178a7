import { keccak256, stringToBytes } from "viem/utils";
import { expect, test } from "vitest";

import type { Schema } from "../src/api/client.ts";
import { ofOneMarket, tokenOf } from "../src/assetId.ts";
import { algorithmOf, documentOf, type Template } from "../src/document.ts";
import { inWords, templateHash } from "../src/job/template.ts";

const TEMPLATE: Template = {
  task: "binary_classification",
  layers: [{ kind: "linear", units: 8 }, { kind: "relu" }, { kind: "dropout", rate: 0.25 }, { kind: "linear", units: 2 }],
  loss: "cross_entropy",
  optimizer: { kind: "adam", learning_rate: 0.01 },
  training: { epochs: 5, batch_size: 16 },
  split: { test_fraction: 0.2 },
};

// The canonical JSON of the Rust tests' template.
const CANONICAL =
  '{"layers":[{"kind":"linear","units":8},{"kind":"relu"},{"kind":"linear","units":2}],"loss":"cross_entropy","optimizer":{"kind":"adam","learning_rate":0.01,"weight_decay":0},"split":{"test_fraction":0.2},"task":"binary_classification","training":{"batch_size":16,"epochs":5}}';

test("an algorithm's hash is the market's, whether its document has the optimiser's zeros or leaves them out", () => {
  const short: Template = { ...TEMPLATE, layers: TEMPLATE.layers.filter(({ kind }) => kind !== "dropout") };
  const hash = keccak256(stringToBytes(CANONICAL));
  expect(templateHash(short)).toBe(hash);
  expect(templateHash({ ...short, optimizer: { kind: "adam", learning_rate: 0.01, weight_decay: 0 } })).toBe(hash);
  expect(templateHash({ ...short, optimizer: { kind: "adam", learning_rate: 0.01, weight_decay: 0.1 } })).not.toBe(hash);
  expect(templateHash(TEMPLATE)).not.toBe(hash);
  const sgd = { kind: "sgd", learning_rate: 0.5 } as const;
  const whole = { ...sgd, momentum: 0, weight_decay: 0 };
  expect(templateHash({ ...short, optimizer: sgd })).toBe(templateHash({ ...short, optimizer: whole }));
  expect(templateHash({ ...short, optimizer: { ...whole, momentum: 0.9 } })).not.toBe(templateHash({ ...short, optimizer: sgd }));
});

test("a hash is of all that a template fixes, and of nothing that changes nothing", () => {
  const whole: Template = {
    task: "image_classification",
    layers: [
      { kind: "as_image", height: 8, width: 8, channels: 1 },
      { kind: "conv2d", channels: 4, kernel: 3, stride: 1, padding: 0 },
      { kind: "conv2d", channels: 4, kernel: 3, stride: 2, padding: 1 },
      { kind: "flatten" },
      { kind: "linear", units: 3 },
    ],
    loss: { weighted_cross_entropy: { class_weights: [1, 2.5, 1] } },
    optimizer: { kind: "adamw", learning_rate: 0.001 },
    schedule: { warm_up: 2, decay: { kind: "step", every: 10, factor: 0.1 } },
    training: { epochs: 30, batch_size: 32, gradient_clip: 1.5, early_stopping: { patience: 5 } },
    split: { test_fraction: 0.2 },
  };
  // The members in the order of their names, as the market writes them: without a stride of 1 and a padding of 0, and with the
  // weight decay that adamw has if none is said.
  const canonical = [
    '{"layers":[{"channels":1,"height":8,"kind":"as_image","width":8},{"channels":4,"kernel":3,"kind":"conv2d"},',
    '{"channels":4,"kernel":3,"kind":"conv2d","padding":1,"stride":2},{"kind":"flatten"},{"kind":"linear","units":3}],',
    '"loss":{"weighted_cross_entropy":{"class_weights":[1,2.5,1]}},',
    '"optimizer":{"kind":"adamw","learning_rate":0.001,"weight_decay":0.01},',
    '"schedule":{"decay":{"every":10,"factor":0.1,"kind":"step"},"warm_up":2},"split":{"test_fraction":0.2},',
    '"task":"image_classification",',
    '"training":{"batch_size":32,"early_stopping":{"patience":5},"epochs":30,"gradient_clip":1.5}}',
  ].join("");
  const hash = keccak256(stringToBytes(canonical));
  expect(templateHash(whole)).toBe(hash);
  const others: Partial<Template>[] = [
    { schedule: { warm_up: 2 } },
    { schedule: { warm_up: 2, decay: { kind: "cosine" } } },
    { training: { epochs: 30, batch_size: 32, gradient_clip: 1.5 } },
    { training: { epochs: 30, batch_size: 32, early_stopping: { patience: 5 } } },
    { loss: "cross_entropy" },
    { optimizer: { kind: "adamw", learning_rate: 0.001, weight_decay: 0 } },
  ];
  for (const other of others) expect(templateHash({ ...whole, ...other }), JSON.stringify(other)).not.toBe(hash);
  const { schedule: _, ...plain } = whole;
  const training = { epochs: 30, batch_size: 32 };
  const shorter = templateHash({ ...plain, training });
  expect(templateHash({ ...plain, schedule: {}, training })).toBe(shorter);
  expect(templateHash({ ...plain, schedule: { warm_up: 0, decay: null }, training })).toBe(shorter);
  const nothing = { ...training, gradient_clip: null, early_stopping: null };
  expect(templateHash({ ...plain, training: nothing })).toBe(shorter);
});

test("a template is told in words, with all its numbers", () => {
  expect(inWords(TEMPLATE)).toEqual([
    ["Task", "Binary classification"],
    ["Layers", ["Linear, 8 units", "ReLU", "Dropout, rate 0.25", "Linear, 2 units"]],
    ["Loss", "Cross entropy"],
    ["Optimiser", "Adam, learning rate 0.01, weight decay 0"],
    ["Epochs", "5"],
    ["Batch size", "16"],
    ["Test fraction", "0.2"],
  ]);
  const layers = [{ kind: "tanh" }, { kind: "sigmoid" }, { kind: "gelu" }, { kind: "linear", units: 1 }] as const;
  const other = inWords({
    ...TEMPLATE,
    ...{ task: "regression", loss: "mean_squared_error", layers: [...layers] },
    optimizer: { kind: "sgd", learning_rate: 0.5, momentum: 0.9, weight_decay: 0.001 },
  });
  expect(Object.fromEntries(other)).toMatchObject({
    Task: "Regression",
    Layers: ["tanh", "Sigmoid", "GELU", "Linear, 1 unit"],
    Loss: "Mean squared error",
    Optimiser: "Stochastic gradient descent, learning rate 0.5, momentum 0.9, weight decay 0.001",
  });
  const several = inWords({ ...TEMPLATE, task: "multiclass_classification", layers: [{ kind: "linear", units: 5 }] });
  expect(several[0]).toEqual(["Task", "Multiclass classification, 5 classes"]);
  const images = inWords({
    ...TEMPLATE,
    task: "image_classification",
    layers: [
      { kind: "as_image", height: 28, width: 20, channels: 1 },
      { kind: "conv2d", channels: 8, kernel: 3, padding: 1 },
      { kind: "group_norm", groups: 2 },
      { kind: "max_pool", size: 2 },
      { kind: "flatten" },
      { kind: "linear", units: 10 },
    ],
    loss: { weighted_cross_entropy: { class_weights: [1, 2] } },
    optimizer: { kind: "adamw", learning_rate: 0.001 },
    schedule: { warm_up: 1, decay: { kind: "step", every: 10, factor: 0.5 } },
    training: { epochs: 5, batch_size: 16, gradient_clip: 1, early_stopping: { patience: 3 } },
  });
  expect(Object.fromEntries(images)).toEqual({
    Task: "Image classification, 10 classes",
    Layers: [
      "As an image of 28 × 20, 1 channel",
      "Convolution of an image, 8 channels, kernel 3, stride 1, padding 1",
      "Group norm, 2 groups",
      "Max pool, size 2",
      "Flatten",
      "Linear, 10 units",
    ],
    Loss: "Cross entropy with class weights 1, 2",
    Optimiser: "AdamW, learning rate 0.001, weight decay 0.01",
    "Learning rate over time": "grows for 1 epoch, then falls by the factor 0.5 every 10 epochs",
    Epochs: "5",
    "Batch size": "16",
    "Gradient clip": "norm 1 at most",
    "Stops early": "after 3 epochs that are no better",
    "Test fraction": "0.2",
  });
});

test("an asset has the document of its kind only", () => {
  const asset = (kind: Schema["AssetKind"]): Schema["Asset"] => ({ kind, metadata: { name: "One" } }) as unknown as Schema["Asset"];
  expect([documentOf(asset("dataset"))?.name, algorithmOf(asset("dataset"))]).toEqual(["One", undefined]);
  expect([documentOf(asset("algorithm")), algorithmOf(asset("algorithm"))?.name]).toEqual([undefined, "One"]);
});

test("assets of another chain or registry are no assets of this market, even with the same number", () => {
  const id = (chain: number, registry: string, token: string): string => `eip155:${chain}/erc721:0x${registry.repeat(20)}/${token}`;
  expect(tokenOf(id(1, "ab", "42"))).toBe("42");
  expect(ofOneMarket(id(1, "ab", "42"), id(1, "AB", "7"))).toBe(true);
  expect(ofOneMarket(id(1, "ab", "42"), id(2, "ab", "42"))).toBe(false);
  expect(ofOneMarket(id(1, "ab", "42"), id(1, "cd", "42"))).toBe(false);
});
