/** An algorithm's template (`protocol::algorithm::Template`): the hash that names it, and what it says in words. */

import type { Hex } from "viem";

import { canonicalHash } from "../canonical.ts";
import type { Template } from "../document.ts";
import { count } from "../format.ts";
import { type Layer, short } from "./layers.ts";
import { kindOf, type Loss, type LossKind, usualDecay } from "./spec.ts";

/**
 * keccak-256 of its canonical JSON as the market writes it: the optimiser's numbers stand there even where the document leaves
 * them out, and what changes nothing is left out even where the document has it.
 */
export function templateHash({ task, layers, loss, optimizer, schedule, training, split }: Template): Hex {
  const { weight_decay = usualDecay(optimizer) } = optimizer;
  const momentum = optimizer.kind === "sgd" ? { momentum: optimizer.momentum ?? 0 } : {};
  const { warm_up = 0, decay } = schedule ?? {};
  const { epochs, batch_size, gradient_clip, early_stopping } = training;
  return canonicalHash({
    ...{ task, layers: layers.map(short), loss, split: { test_fraction: split.test_fraction } },
    optimizer: { ...optimizer, ...momentum, weight_decay },
    ...((warm_up > 0 || decay) && { schedule: { ...(warm_up > 0 && { warm_up }), ...(decay && { decay }) } }),
    training: {
      ...{ epochs, batch_size },
      ...(typeof gradient_clip === "number" && { gradient_clip }),
      ...(early_stopping && { early_stopping }),
    },
  });
}

export const LOSSES: Record<LossKind, string> = {
  cross_entropy: "Cross entropy",
  weighted_cross_entropy: "Cross entropy with class weights",
  binary_cross_entropy: "Binary cross entropy",
  mean_squared_error: "Mean squared error",
  mean_absolute_error: "Mean absolute error",
  huber: "Huber",
};

/** What it fixes, each with its name; the layers are a list. What it does without is not named. */
export function inWords(template: Template): readonly (readonly [name: string, value: string | readonly string[]])[] {
  const { layers, loss, schedule, training, split } = template;
  const { gradient_clip: clip, early_stopping: stopping } = training;
  const changes = schedule ? scheduled(schedule) : [];
  return [
    ["Task", task(template)],
    ["Layers", layers.map(layer)],
    ["Loss", lost(loss)],
    ["Optimiser", optimizer(template)],
    ...(changes.length > 0 ? [["Learning rate over time", changes.join(", then ")] as const] : []),
    ["Epochs", count(training.epochs)],
    ["Batch size", count(training.batch_size)],
    ...(typeof clip === "number" ? [["Gradient clip", `norm ${clip} at most`] as const] : []),
    ...(stopping ? [["Stops early", `after ${times(stopping.patience, "epoch")} that are no better`] as const] : []),
    ["Test fraction", String(split.test_fraction)],
  ];
}

function task({ task, layers }: Template): string {
  if (task === "regression") return "Regression";
  if (task === "binary_classification") return "Binary classification";
  const last = layers.at(-1);
  const name = task === "image_classification" ? "Image classification" : "Multiclass classification";
  return `${name}${last?.kind === "linear" ? `, ${count(last.units)} classes` : ""}`;
}

function times(number: number, what: string): string {
  return `${count(number)} ${what}${number === 1 ? "" : "s"}`;
}

/** A layer with its numbers. */
function layer(one: Layer): string {
  switch (one.kind) {
    case "linear":
      return `Linear, ${times(one.units, "unit")}`;
    case "embedding":
      return `Embedding of categories, ${times(one.dimensions, "dimension")}`;
    case "as_image":
      return `As an image of ${one.height} × ${one.width}, ${times(one.channels, "channel")}`;
    case "as_sequence":
      return `As a sequence of ${times(one.length, "point")}, ${times(one.channels, "channel")}`;
    case "conv1d":
    case "conv2d": {
      const name = one.kind === "conv1d" ? "Convolution of a sequence" : "Convolution of an image";
      const { stride = 1, padding = 0 } = one;
      return `${name}, ${times(one.channels, "channel")}, kernel ${one.kernel}, stride ${stride}, padding ${padding}`;
    }
    case "max_pool":
      return `Max pool, size ${one.size}`;
    case "average_pool":
      return `Average pool, size ${one.size}`;
    case "group_norm":
      return `Group norm, ${times(one.groups, "group")}`;
    case "dropout":
      return `Dropout, rate ${one.rate}`;
    default:
      return PLAIN[one.kind];
  }
}

/** Layers without numbers. */
const PLAIN = {
  flatten: "Flatten",
  layer_norm: "Layer norm",
  relu: "ReLU",
  tanh: "tanh",
  sigmoid: "Sigmoid",
  gelu: "GELU",
  softplus: "Softplus",
};

function lost(loss: Loss): string {
  const name = LOSSES[kindOf(loss)];
  if (typeof loss === "string") return name;
  return "huber" in loss
    ? `${name}, delta ${loss.huber.delta}`
    : `${name} ${loss.weighted_cross_entropy.class_weights.join(", ")}`;
}

const OPTIMISERS = { sgd: "Stochastic gradient descent", adam: "Adam", adamw: "AdamW" };

function optimizer({ optimizer }: Template): string {
  const { kind, learning_rate: rate, weight_decay: decay = usualDecay(optimizer) } = optimizer;
  const momentum = optimizer.kind === "sgd" ? `momentum ${optimizer.momentum ?? 0}, ` : "";
  return `${OPTIMISERS[kind]}, learning rate ${rate}, ${momentum}weight decay ${decay}`;
}

function scheduled({ warm_up = 0, decay }: NonNullable<Template["schedule"]>): string[] {
  return [
    ...(warm_up > 0 ? [`grows for ${times(warm_up, "epoch")}`] : []),
    ...(decay?.kind === "step" ? [`falls by the factor ${decay.factor} every ${times(decay.every, "epoch")}`] : []),
    ...(decay?.kind === "cosine" ? ["falls to 0 along a cosine"] : []),
  ];
}
