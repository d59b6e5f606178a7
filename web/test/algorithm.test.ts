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
