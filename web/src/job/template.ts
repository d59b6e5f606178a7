/** An algorithm's template (`protocol::algorithm::Template`): the hash that names it, and what it says in words. */

import type { Hex } from "viem";

import { canonicalHash } from "../canonical.ts";
import type { Template } from "../document.ts";
import { count } from "../format.ts";
import type { Layer } from "./spec.ts";

/** keccak-256 of its canonical JSON, in which the optimiser's numbers stand even where the document leaves them out as 0. */
export function templateHash(template: Template): Hex {
  const { optimizer } = template;
  const zeros = optimizer.kind === "sgd" ? { momentum: 0, weight_decay: 0 } : { weight_decay: 0 };
  return canonicalHash({ ...template, optimizer: { ...zeros, ...optimizer } });
}

const LOSSES: Record<Template["loss"], string> = {
  cross_entropy: "Cross entropy",
  mean_squared_error: "Mean squared error",
};

const LAYERS: Record<Exclude<Layer["kind"], "linear" | "dropout">, string> = {
  relu: "ReLU",
  tanh: "tanh",
  sigmoid: "Sigmoid",
  gelu: "GELU",
};

/** What it fixes, each with its name; the layers are a list. */
export function inWords(template: Template): readonly (readonly [name: string, value: string | readonly string[]])[] {
  const { layers, loss, training, split } = template;
  return [
    ["Task", task(template)],
    ["Layers", layers.map(layer)],
    ["Loss", LOSSES[loss]],
    ["Optimiser", optimizer(template)],
    ["Epochs", count(training.epochs)],
    ["Batch size", count(training.batch_size)],
    ["Test fraction", String(split.test_fraction)],
  ];
}

function task({ task, layers }: Template): string {
  if (task === "regression") return "Regression";
  if (task === "binary_classification") return "Binary classification";
  const last = layers.at(-1);
  return `Multiclass classification${last?.kind === "linear" ? `, ${count(last.units)} classes` : ""}`;
}

function layer(one: Layer): string {
  if (one.kind === "linear") return `Linear, ${count(one.units)} unit${one.units === 1 ? "" : "s"}`;
  return one.kind === "dropout" ? `Dropout, rate ${one.rate}` : LAYERS[one.kind];
}

function optimizer({ optimizer }: Template): string {
  const { learning_rate: rate, weight_decay: decay = 0 } = optimizer;
  const numbers = `weight decay ${decay}`;
  return optimizer.kind === "adam"
    ? `Adam, learning rate ${rate}, ${numbers}`
    : `Stochastic gradient descent, learning rate ${rate}, momentum ${optimizer.momentum ?? 0}, ${numbers}`;
}
