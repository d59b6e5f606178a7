/** What a job will need, computed from its declaration (`protocol::job::cost`). */

import { type Model, numbersOf, outputOf, type Step } from "./layers.ts";
import type { JobSpec } from "./spec.ts";
import { evaluates, samplesOf } from "./windows.ts";

export interface Cost {
  readonly inputs: number;
  readonly outputs: number;
  readonly parameters: number;
  /** About six multiplications and additions for each use of a parameter, row and epoch. */
  readonly flops: number;
  readonly memoryBytes: number;
}

/** The cost of a job whose model this is, on so many rows. */
export function costOf(spec: JobSpec, model: Model, rows: number): Cost {
  const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0);
  const inputs = sum(model.inputs.map((block) => block.inputs));
  const learnt = model.steps.flatMap(({ parameters }) => parameters);
  const parameters = sum(learnt.map(({ shape }) => shape.reduce((values, side) => values * side, 1)));
  const products = sum(model.steps.map((step) => step.products + biases(step)));
  const activations = inputs + sum(model.steps.map(({ output }) => numbersOf(output)));
  const samples = samplesOf(spec, rows);
  // Forward and, while it trains, backward to inputs and to parameters.
  const passes = evaluates(spec) ? 2 : 6 * spec.training.epochs;
  const { batch_size: size } = spec.training;
  // Of a private job's sample the expected number and four times its deviation.
  const batch = Math.min(spec.privacy ? size + 4 * Math.floor(Math.sqrt(size)) : size, Math.max(samples, 1));
  // The table: what a row becomes, once, and its target.
  const ofRow = Math.floor(inputs / Math.max(spec.data.windows?.length ?? 1, 1));
  // Noise and the sum that it is added to, twice as wide.
  const noise = spec.privacy ? parameters * 4 : 0;
  // Of the parameters values, gradients and two moments; of a batch what is between the layers, both ways.
  const held = rows * (ofRow + 1) + parameters * 4 + noise + activations * 2 * batch;
  return {
    inputs,
    outputs: numbersOf(outputOf(model)),
    parameters,
    flops: products * passes * samples,
    memoryBytes: held * 4,
  };
}

/** Additions of a bias to each number that a layer of products gives, counted like products. */
function biases({ layer, output }: Step): number {
  return ["linear", "conv1d", "conv2d"].includes(layer.kind) ? numbersOf(output) : 0;
}
