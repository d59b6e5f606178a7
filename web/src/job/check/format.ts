/** The rules of the format, whatever the data (`protocol::job::check`, `format` and `template`). */

import { listed } from "../../format.ts";
import { MAX_LAYERS, outOfRange } from "../layers.ts";
import { CLIPPING, NOISE } from "../privacy.ts";
import { type JobSpec, kindOf, lossesOf, usualDecay } from "../spec.ts";
import { evaluates } from "../windows.ts";
import type { Rules } from "./rules.ts";

/** Most passes over the data. */
const MAX_EPOCHS = 100_000;
/** Most rows per step. */
const MAX_BATCH = 65_536;
const MAX_SEED = 2 ** 32 - 1;
const WEEK = 7 * 24 * 3600;

export function format(rules: Rules, spec: JobSpec): void {
  if (spec.version !== 1) rules.say("/version", `${spec.version} is not known; the version is 1`);
  layers(rules, spec);
  loss(rules, spec);
  learning(rules, spec);
  training(rules, spec);
  if (spec.privacy) {
    rules.within("/privacy/noise_multiplier", spec.privacy.noise_multiplier, ...NOISE);
    rules.within("/privacy/clipping_norm", spec.privacy.clipping_norm, ...CLIPPING);
  }
  someLimits(rules, spec.limits);
}

/** Limits that a job of either kind may declare. */
export function someLimits(rules: Rules, limits: JobSpec["limits"]): void {
  rules.whole("/limits/max_seconds", limits.max_seconds, 1, WEEK);
  rules.whole("/limits/max_memory_mib", limits.max_memory_mib, 64, 1 << 20);
}

function layers(rules: Rules, { layers }: JobSpec): void {
  if (layers.length === 0 || layers.length > MAX_LAYERS) rules.say("/layers", `a model has 1 to ${MAX_LAYERS} layers`);
  for (const { layer, member, message } of outOfRange(layers)) rules.say(`/layers/${layer}/${member}`, message);
}

function loss(rules: Rules, { loss, task }: JobSpec): void {
  const right = lossesOf(task);
  if (!right.includes(kindOf(loss))) rules.say("/loss", `this task is trained with ${listed(right)}`);
  if (typeof loss === "string") return;
  if ("huber" in loss) rules.within("/loss/huber/delta", loss.huber.delta, 1e-4, 2);
  else
    loss.weighted_cross_entropy.class_weights.forEach((weight, at) =>
      rules.within(`/loss/weighted_cross_entropy/class_weights/${at}`, weight, 1e-3, 1e3),
    );
}

/** How the weights are moved, and how that changes meanwhile. */
function learning(rules: Rules, { optimizer, schedule, training }: JobSpec): void {
  rules.within("/optimizer/learning_rate", optimizer.learning_rate, 1e-8, 100);
  rules.within("/optimizer/weight_decay", optimizer.weight_decay ?? usualDecay(optimizer), 0, 1);
  if (optimizer.kind === "sgd") rules.within("/optimizer/momentum", optimizer.momentum ?? 0, 0, 0.999);
  const { warm_up = 0, decay } = schedule ?? {};
  if (warm_up !== 0) rules.whole("/schedule/warm_up", warm_up, 0, training.epochs);
  if (decay?.kind === "step") {
    rules.whole("/schedule/decay/every", decay.every, 1, MAX_EPOCHS);
    rules.within("/schedule/decay/factor", decay.factor, 0.001, 1);
  }
}

/** How long and in which portions. A job that begins with a model need not train it. */
function training(rules: Rules, spec: JobSpec): void {
  const { training, split } = spec;
  const began = !!spec.start;
  rules.whole("/training/epochs", training.epochs, began ? 0 : 1, MAX_EPOCHS);
  rules.whole("/training/batch_size", training.batch_size, 1, MAX_BATCH);
  rules.whole("/training/seed", training.seed, 0, MAX_SEED);
  if (typeof training.gradient_clip === "number")
    rules.within("/training/gradient_clip", training.gradient_clip, 1e-6, 1e6);
  if (training.early_stopping)
    rules.whole("/training/early_stopping/patience", training.early_stopping.patience, 1, MAX_EPOCHS);
  rules.within("/split/test_fraction", split.test_fraction, 0, began && evaluates(spec) ? 1 : 0.5);
  rules.whole("/split/seed", split.seed, 0, MAX_SEED);
}
