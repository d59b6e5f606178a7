/** What a job will need, computed from its declaration (`protocol::job::cost`). */

import type { JobSpec } from "./spec.ts";

export interface Cost {
  readonly inputs: number;
  readonly outputs: number;
  readonly parameters: number;
  /** About six multiplications and additions per parameter, row and epoch. */
  readonly flops: number;
  readonly memoryBytes: number;
}

export function costOf(spec: JobSpec, inputs: number, rows: number): Cost {
  let [width, parameters, activations] = [inputs, 0, inputs];
  for (const layer of spec.layers) {
    if (layer.kind === "linear") {
      parameters += (width + 1) * layer.units;
      width = layer.units;
    }
    activations += width;
  }
  const batch = Math.min(spec.training.batch_size, Math.max(rows, 1));
  // Noise and the sum that it is added to, twice as wide.
  const noise = spec.privacy ? parameters * 4 : 0;
  const held = rows * (inputs + 1) + parameters * 4 + noise + activations * 2 * batch;
  return {
    inputs,
    outputs: width,
    parameters,
    flops: parameters * 6 * rows * spec.training.epochs,
    memoryBytes: held * 4,
  };
}
