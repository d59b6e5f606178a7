/** The job spec (`protocol::job`): what columns are to a model, which tasks, losses and families there are. */

import type { Schema } from "../api/client.ts";
import type { Column, ModelFamily, Policy } from "../document.ts";
import type { Block } from "./layers.ts";

export type JobSpec = Schema["JobSpec"];
export type Task = Schema["Task"];
export type Loss = Schema["Loss"];
/** A loss without its numbers. */
export type LossKind =
  | "cross_entropy"
  | "weighted_cross_entropy"
  | "binary_cross_entropy"
  | "mean_squared_error"
  | "mean_absolute_error"
  | "huber";

/** Numbers that one cell of a column is to the model. */
export function blockOf({ type }: Column): Block {
  if (type.kind === "image") return { kind: "numbers", inputs: type.height * type.width * type.channels };
  if (type.kind === "category") return { kind: "category", inputs: type.values.length };
  return { kind: "numbers", inputs: type.kind === "key" ? 0 : 1 };
}

/** Keys say whose row it is, and no more. */
export function canBeLearnt({ type }: Column): boolean {
  return type.kind !== "key";
}

/** Images can be learned from and not be predicted. */
export function canBePredicted({ type }: Column): boolean {
  return type.kind === "number" || type.kind === "category";
}

export function isImage({ type }: Column): boolean {
  return type.kind === "image";
}

/** The columns that can be learnt from to predict another one. */
export function learnable(columns: readonly Column[], target: string): string[] {
  return columns.filter((column) => column.name !== target && canBeLearnt(column)).map(({ name }) => name);
}

/** Those to propose: images are thousands of inputs, so they are left out where there is anything else. */
export function usualFeatures(columns: readonly Column[], target: string): string[] {
  const plain = learnable(
    columns.filter((column) => !isImage(column)),
    target,
  );
  return plain.length > 0 ? plain : learnable(columns, target);
}

/** The task of a target, whatever it is learned from. */
export function taskOf(target: Column): Task {
  if (target.type.kind !== "category") return "regression";
  return target.type.values.length === 2 ? "binary_classification" : "multiclass_classification";
}

const LOSSES: Record<Task, readonly LossKind[]> = {
  regression: ["mean_squared_error", "mean_absolute_error", "huber"],
  binary_classification: ["cross_entropy", "weighted_cross_entropy", "binary_cross_entropy"],
  multiclass_classification: ["cross_entropy", "weighted_cross_entropy"],
  image_classification: ["cross_entropy", "weighted_cross_entropy"],
};

/** The losses that a task is trained with; the usual one first. */
export function lossesOf(task: Task): readonly LossKind[] {
  return LOSSES[task];
}

/** The usual loss of a task. */
export function usualLoss(task: Task): Loss {
  return task === "regression" ? "mean_squared_error" : "cross_entropy";
}

export function kindOf(loss: Loss): LossKind {
  if (typeof loss === "string") return loss;
  return "huber" in loss ? "huber" : "weighted_cross_entropy";
}

/** What an optimiser's weight decay is if it is not said. */
export function usualDecay({ kind }: Pick<JobSpec["optimizer"], "kind">): number {
  return kind === "adamw" ? 0.01 : 0;
}

/** Numbers that come out of the model: one for each class, or one. */
export function outputsOf(target: Column, loss?: Loss): number {
  return target.type.kind === "category" && loss !== "binary_cross_entropy" ? target.type.values.length : 1;
}

/** Model families that fit a target, as far as the publisher allows them; convolutions are of images. */
export function familiesFor(
  target: Column,
  columns: readonly Column[],
  { model_families: allowed }: Pick<Policy, "model_families">,
): ModelFamily[] {
  const fitting: ModelFamily[] = [
    target.type.kind === "category" ? "logistic_regression" : "linear_regression",
    "multilayer_perceptron",
    ...(columns.some(isImage) ? ["convolutional_network" as const] : []),
  ];
  return fitting.filter((family) => allowed.includes(family));
}

/** The family to propose: convolutions to tell images apart, else the largest that is not of images. */
export function usualFamily(target: Column, families: readonly ModelFamily[]): ModelFamily {
  const ofTables = families.filter((family) => family !== "convolutional_network");
  const convolves = families.length > ofTables.length && (target.type.kind === "category" || ofTables.length === 0);
  return convolves ? "convolutional_network" : (ofTables.at(-1) ?? "multilayer_perceptron");
}

/** The family that the layers amount to. */
export function familyOf({ layers, task }: Pick<JobSpec, "layers" | "task">): ModelFamily {
  if (layers.length === 1 && layers[0]?.kind === "linear")
    return task === "regression" ? "linear_regression" : "logistic_regression";
  const convolves = layers.some(({ kind }) => kind === "conv1d" || kind === "conv2d");
  return convolves ? "convolutional_network" : "multilayer_perceptron";
}

/** A number that JSON and Rust write alike, for seeds. */
export function anySeed(): number {
  return crypto.getRandomValues(new Uint32Array(1))[0] ?? 0;
}

/** The column that by its name is one to predict. */
export function namedTarget(columns: readonly Column[]): Column | undefined {
  return columns.find(
    (column) => canBePredicted(column) && /^(target|label|class|outcome|diagnosis|y)$/i.test(column.name),
  );
}

/** The column that is most likely to be predicted: the marked one, else one with such a name, else the last category or the last. */
export function likelyTarget(columns: readonly Column[], marked?: Column): Column | undefined {
  if (marked && canBePredicted(marked)) return marked;
  const possible = columns.filter(canBePredicted);
  return namedTarget(columns) ?? possible.findLast(({ type }) => type.kind === "category") ?? possible.at(-1);
}
