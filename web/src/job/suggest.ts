/** What the form starts from. */

import type { Column, Policy, PrivacyPolicy } from "../document.ts";
import { costOf } from "./cost.ts";
import { modelOf } from "./layers.ts";
import { convolutional, convolutionsFor, layersOf, PLAIN } from "./network.ts";
import { NOISE, noiseFor } from "./privacy.ts";
import {
  anySeed,
  blockOf,
  familiesFor,
  isImage,
  type JobSpec,
  outputsOf,
  taskOf,
  usualFamily,
  usualFeatures,
  usualLoss,
} from "./spec.ts";

/** Least rows per step that memory is saved with. */
const FEW_ROWS = 16;

/** A sensible job for a data set: a small model that fits the publisher's limits, and as many passes as rarely hurt. */
export function suggest(
  asset: string,
  columns: readonly Column[],
  rows: number,
  policy: Policy,
  target: Column,
): JobSpec {
  const family = usualFamily(target, familiesFor(target, columns, policy));
  const outputs = outputsOf(target);
  const image = family === "convolutional_network" ? columns.find(isImage) : undefined;
  const task = image && target.type.kind === "category" ? "image_classification" : taskOf(target);
  const seen = image ? [image.name] : usualFeatures(columns, target.name);
  const features = columns.filter(({ name }) => seen.includes(name));
  const spec: JobSpec = {
    version: 1,
    task,
    data: { asset, features: seen, target: target.name },
    layers:
      image?.type.kind === "image"
        ? convolutional(image.type, outputs, convolutionsFor(image.type, outputs, policy))
        : layersOf(family, outputs, PLAIN),
    loss: usualLoss(task),
    optimizer: { kind: "adam", learning_rate: image ? 0.001 : 0.01 },
    training: {
      epochs: image ? 10 : 30,
      batch_size: [256, 128, 64, 32].find((size) => rows / size >= 12) ?? 16,
      seed: anySeed(),
    },
    split: { test_fraction: 0.25, seed: anySeed() },
    limits: { max_seconds: Math.min(120, policy.max_seconds), max_memory_mib: Math.min(512, policy.max_memory_mib) },
  };
  const needed = (spec: JobSpec): number => {
    const made = modelOf(spec.layers, features.map(blockOf));
    return "model" in made ? costOf(spec, made.model, rows).memoryBytes / 2 ** 20 : 0;
  };
  if (!policy.privacy) return roomy(spec, needed, policy);
  // Noise drowns what is learned in small steps; fewer, larger ones need less of it.
  const training = {
    ...spec.training,
    epochs: Math.min(20, spec.training.epochs),
    batch_size: Math.min(4 * spec.training.batch_size, Math.max(16, rows >> 2)),
  };
  const optimizer = { kind: "adam" as const, learning_rate: 2 * spec.optimizer.learning_rate };
  const privacy = { noise_multiplier: NOISE[1], clipping_norm: 1 };
  return quiet(roomy({ ...spec, training, optimizer, privacy }, needed, policy), rows, policy.privacy);
}

/** The job with memory enough, as far as the publisher allows; with fewer rows per step, if it needs more than that. */
function roomy(spec: JobSpec, needed: (spec: JobSpec) => number, policy: Policy): JobSpec {
  const { training, limits } = spec;
  if (needed(spec) > policy.max_memory_mib && training.batch_size > FEW_ROWS)
    return roomy(
      { ...spec, training: { ...training, batch_size: Math.max(FEW_ROWS, training.batch_size >> 1) } },
      needed,
      policy,
    );
  const most = Math.min(policy.max_memory_mib, Math.max(limits.max_memory_mib, Math.ceil(needed(spec) / 256) * 256));
  return { ...spec, limits: { ...limits, max_memory_mib: most } };
}

/** The job with just the noise that the policy asks for. */
function quiet(spec: JobSpec, rows: number, policy: PrivacyPolicy): JobSpec {
  const { clipping_norm = 1 } = spec.privacy ?? {};
  return { ...spec, privacy: { noise_multiplier: noiseFor(spec, rows, policy) ?? NOISE[1], clipping_norm } };
}
