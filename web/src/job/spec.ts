/** The job spec (`protocol::job`), what a form starts from, and its reading from text. */

import type { Schema } from "../api/client.ts";
import type { Column, ModelFamily, Policy } from "../document.ts";
import { NOISE, noiseFor } from "./privacy.ts";

export type JobSpec = Schema["JobSpec"];
export type Layer = Schema["Layer"];
export type Task = Schema["Task"];
export type Activation = "relu" | "tanh" | "sigmoid" | "gelu";

/** Numbers that one cell of a column is to the model. */
export function inputsOf({ type }: Column): number {
  if (type.kind === "key") return 0;
  if (type.kind === "image") return type.height * type.width * type.channels;
  return type.kind === "category" ? type.values.length : 1;
}

/** Keys say whose row it is, and no more. */
export function canBeLearnt({ type }: Column): boolean {
  return type.kind !== "key";
}

/** Images can be learned from and not be predicted. */
export function canBePredicted({ type }: Column): boolean {
  return type.kind === "number" || type.kind === "category";
}

export function taskOf(target: Column): Task {
  if (target.type.kind !== "category") return "regression";
  return target.type.values.length === 2 ? "binary_classification" : "multiclass_classification";
}

/** Numbers that come out of the model: one for each class, or one. */
export function outputsOf(target: Column): number {
  return target.type.kind === "category" ? target.type.values.length : 1;
}

/** Model families that fit a target, as far as the publisher allows them. */
export function familiesFor(target: Column, { model_families: allowed }: Policy): ModelFamily[] {
  const simple: ModelFamily = target.type.kind === "category" ? "logistic_regression" : "linear_regression";
  return [simple, "multilayer_perceptron" as const].filter((family) => allowed.includes(family));
}

export interface Network {
  readonly hidden: readonly number[];
  readonly activation: Activation;
  readonly dropout: number;
}

export function layersOf(family: ModelFamily, outputs: number, { hidden, activation, dropout }: Network): Layer[] {
  const within = family === "multilayer_perceptron" ? hidden : [];
  const inner = within.flatMap((units): Layer[] => [
    { kind: "linear", units },
    { kind: activation },
    ...(dropout > 0 ? [{ kind: "dropout" as const, rate: dropout }] : []),
  ]);
  return [...inner, { kind: "linear", units: outputs }];
}

/** A number that JSON and Rust write alike, for seeds. */
export function anySeed(): number {
  return crypto.getRandomValues(new Uint32Array(1))[0] ?? 0;
}

/** The column that by its name is one to predict. */
export function namedTarget(columns: readonly Column[]): Column | undefined {
  return columns.find((column) => canBePredicted(column) && /^(target|label|class|outcome|diagnosis|y)$/i.test(column.name));
}

/** The column that is most likely to be predicted: the marked one, else one with such a name, else the last category or the last. */
export function likelyTarget(columns: readonly Column[], marked?: Column): Column | undefined {
  if (marked && canBePredicted(marked)) return marked;
  const possible = columns.filter(canBePredicted);
  return namedTarget(columns) ?? possible.findLast(({ type }) => type.kind === "category") ?? possible.at(-1);
}

/** A sensible job for a data set: a small model that fits the publisher's limits, and as many passes as rarely hurt. */
export function suggest(
  asset: string,
  columns: readonly Column[],
  rows: number,
  policy: Policy,
  target: Column,
): JobSpec {
  const task = taskOf(target);
  const family = familiesFor(target, policy).at(-1) ?? "multilayer_perceptron";
  const batch = [256, 128, 64, 32].find((size) => rows / size >= 12) ?? 16;
  const spec: JobSpec = {
    version: 1,
    task,
    data: {
      asset,
      features: columns.filter((column) => column.name !== target.name && canBeLearnt(column)).map(({ name }) => name),
      target: target.name,
    },
    layers: layersOf(family, outputsOf(target), { hidden: [16], activation: "relu", dropout: 0 }),
    loss: task === "regression" ? "mean_squared_error" : "cross_entropy",
    optimizer: { kind: "adam", learning_rate: 0.01 },
    training: { epochs: 30, batch_size: batch, seed: anySeed() },
    split: { test_fraction: 0.25, seed: anySeed() },
    limits: { max_seconds: Math.min(120, policy.max_seconds), max_memory_mib: Math.min(512, policy.max_memory_mib) },
  };
  if (!policy.privacy) return spec;
  // Noise drowns what is learned in small steps; fewer, larger ones need less of it.
  const training = { ...spec.training, epochs: 20, batch_size: Math.min(4 * batch, Math.max(16, rows >> 2)) };
  const calm: JobSpec = { ...spec, training, optimizer: { kind: "adam", learning_rate: 0.02 } };
  return { ...calm, privacy: { noise_multiplier: noiseFor(calm, rows, policy.privacy) ?? NOISE[1], clipping_norm: 1 } };
}

export function familyOf({ layers, task }: JobSpec): ModelFamily {
  if (layers.length !== 1) return "multilayer_perceptron";
  return task === "regression" ? "linear_regression" : "logistic_regression";
}

/** The hidden layers of a spec, if the form can show them: one activation throughout, the same dropout after each. */
export function networkOf({ layers }: JobSpec): Network | undefined {
  const inner = layers.slice(0, -1);
  const hidden = inner.flatMap((layer) => (layer.kind === "linear" ? [layer.units] : []));
  const activations = new Set(
    inner.flatMap((layer) => (layer.kind === "linear" || layer.kind === "dropout" ? [] : [layer.kind])),
  );
  const rates = new Set(inner.flatMap((layer) => (layer.kind === "dropout" ? [layer.rate] : [])));
  if (activations.size > 1 || rates.size > 1) return undefined;
  const [activation = "relu"] = activations;
  const [dropout = 0] = rates;
  const network = { hidden, activation, dropout };
  const again = layersOf("multilayer_perceptron", 0, network).slice(0, -1);
  return JSON.stringify(again) === JSON.stringify(inner) ? network : undefined;
}
