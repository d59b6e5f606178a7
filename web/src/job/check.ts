/**
 * The rules of a job spec against a data set's document, as `protocol::job::check` has them, so that a mistake is told
 * while it is typed. The server and the provider check again by themselves.
 */

import type { AssetDocument } from "../document.ts";
import { count } from "../format.ts";
import { type Cost, costOf } from "./cost.ts";
import { CLIPPING, epsilonOf, NOISE, noiseFor } from "./privacy.ts";
import { canBeLearnt, canBePredicted, familyOf, inputsOf, type JobSpec, outputsOf, taskOf } from "./spec.ts";

export interface Broken {
  /** JSON pointer (RFC 6901) into the spec. */
  readonly pointer: string;
  readonly message: string;
}

export interface Checked {
  readonly broken: readonly Broken[];
  readonly cost: Cost;
}

const MAX_LAYERS = 64;
const MAX_UNITS = 16_384;
const MAX_FLOPS = 2 ** 56;
const WEEK = 7 * 24 * 3600;

export function check(spec: JobSpec, document: AssetDocument): Checked {
  const rules = new Rules(spec, document);
  rules.alone();
  rules.format();
  const inputs = rules.columns();
  rules.policy();
  const cost = costOf(spec, inputs, document["atoll:market"].content.rows);
  rules.size(cost);
  rules.privacy();
  return { broken: rules.broken, cost };
}

class Rules {
  readonly broken: Broken[] = [];

  constructor(
    private readonly spec: JobSpec,
    private readonly document: AssetDocument,
  ) {}

  #say(pointer: string, message: string): void {
    this.broken.push({ pointer, message });
  }

  #within(pointer: string, value: number, low: number, high: number, whole = true): void {
    // Written so that NaN is outside.
    if (!(value >= low && value <= high)) this.#say(pointer, `${value} is not between ${low} and ${count(high)}`);
    else if (whole && !Number.isInteger(value)) this.#say(pointer, `${value} has to be a whole number`);
  }

  /** The page orders one data set and nothing else: it has neither the documents of further assets nor orders for them. */
  alone(): void {
    if ((this.spec.data.joined ?? []).length > 0)
      this.#say("/data/joined", "this page orders one data set alone; order several with the command line, `atoll buy`");
    if (this.spec.algorithm)
      this.#say("/algorithm", "this page orders no algorithm with a data set; use the command line, `atoll buy`");
  }

  format(): void {
    const { layers, optimizer, training, split, limits } = this.spec;
    if (layers.length === 0 || layers.length > MAX_LAYERS)
      this.#say("/layers", `a model has 1 to ${MAX_LAYERS} layers`);
    layers.forEach((layer, at) => {
      if (layer.kind === "linear") this.#within(`/layers/${at}/units`, layer.units, 1, MAX_UNITS);
      if (layer.kind === "dropout") this.#within(`/layers/${at}/rate`, layer.rate, 0, 0.9, false);
    });
    const expected = this.spec.task === "regression" ? "mean_squared_error" : "cross_entropy";
    if (this.spec.loss !== expected) this.#say("/loss", `this task is trained with ${expected}`);
    if (optimizer.kind === "sgd") this.#within("/optimizer/momentum", optimizer.momentum ?? 0, 0, 0.999, false);
    this.#within("/optimizer/learning_rate", optimizer.learning_rate, 1e-8, 100, false);
    this.#within("/optimizer/weight_decay", optimizer.weight_decay ?? 0, 0, 1, false);
    this.#within("/training/epochs", training.epochs, 1, 100_000);
    this.#within("/training/batch_size", training.batch_size, 1, 65_536);
    this.#within("/training/seed", training.seed, 0, 2 ** 32 - 1);
    this.#within("/split/seed", split.seed, 0, 2 ** 32 - 1);
    this.#within("/split/test_fraction", split.test_fraction, 0, 0.5, false);
    if (this.spec.privacy) {
      this.#within("/privacy/noise_multiplier", this.spec.privacy.noise_multiplier, ...NOISE, false);
      this.#within("/privacy/clipping_norm", this.spec.privacy.clipping_norm, ...CLIPPING, false);
    }
    this.#within("/limits/max_seconds", limits.max_seconds, 1, WEEK);
    this.#within("/limits/max_memory_mib", limits.max_memory_mib, 64, 1 << 20);
  }

  /** Columns and the last layer; gives the number of inputs. */
  columns(): number {
    const { columns } = this.document["atoll:market"];
    const { features, target } = this.spec.data;
    const seen = new Set<string>();
    let inputs = 0;
    if (features.length === 0) this.#say("/data/features", "choose at least one column to learn from");
    features.forEach((name, at) => {
      const pointer = `/data/features/${at}`;
      const column = columns.find((one) => one.name === name);
      if (seen.has(name)) this.#say(pointer, `\`${name}\` is named twice`);
      if (name === target) this.#say(pointer, `\`${name}\` is the target; a model may not see what it predicts`);
      if (!column) this.#say(pointer, `the data set has no column \`${name}\``);
      else if (!canBeLearnt(column)) this.#say(pointer, `\`${name}\` says whose row it is; nothing is learnt from it`);
      else inputs += inputsOf(column);
      seen.add(name);
    });
    const wanted = columns.find(({ name }) => name === target);
    if (!wanted) {
      this.#say("/data/target", `the data set has no column \`${target}\``);
      return inputs;
    }
    if (!canBePredicted(wanted)) {
      const holds = wanted.type.kind === "image" ? "holds images" : "says whose row it is";
      this.#say("/data/target", `\`${target}\` ${holds}; a model learns to predict a number or a category`);
      return inputs;
    }
    const task = taskOf(wanted);
    // Two categories may also be learned as several.
    const several = wanted.type.kind === "category" && this.spec.task === "multiclass_classification";
    if (this.spec.task !== task && !several) this.#say("/task", `with this target the task is ${task}`);
    const last = this.spec.layers.at(-1);
    const pointer = `/layers/${this.spec.layers.length - 1}`;
    if (last && last.kind !== "linear")
      this.#say(pointer, "the last layer is `linear`, with one unit per class or one for a number");
    else if (last?.kind === "linear" && last.units !== outputsOf(wanted)) {
      this.#say(pointer, `the last layer has ${last.units} units and the target needs ${outputsOf(wanted)}`);
    }
    return inputs;
  }

  policy(): void {
    const { policy, content } = this.document["atoll:market"];
    const family = familyOf(this.spec);
    const { limits } = this.spec;
    if (policy.trusted_algorithms && !this.spec.algorithm)
      this.#say(
        "/algorithm",
        "the publisher lets only algorithms run that it lists; name one of them, with its asset and hash",
      );
    if (!policy.model_families.includes(family)) {
      this.#say("/layers", `the publisher does not allow ${family}; allowed: ${policy.model_families.join(", ")}`);
    }
    if (limits.max_seconds > policy.max_seconds)
      this.#say("/limits/max_seconds", `the publisher allows at most ${count(policy.max_seconds)}`);
    if (limits.max_memory_mib > policy.max_memory_mib)
      this.#say("/limits/max_memory_mib", `the publisher allows at most ${count(policy.max_memory_mib)}`);
    if (content.rows < policy.min_rows)
      this.#say(
        "/data/asset",
        `the data set has ${count(content.rows)} rows and its policy asks for ${count(policy.min_rows)}`,
      );
  }

  /** Last, and only of a job that is otherwise sound: what it says follows from the rest. */
  privacy(): void {
    const { policy, content } = this.document["atoll:market"];
    if (!policy.privacy || this.broken.length > 0) return;
    const most = policy.privacy.epsilon_per_job;
    const found = epsilonOf(this.spec, content.rows, policy.privacy);
    if (found !== undefined && found <= most) return;
    const least = noiseFor(this.spec, content.rows, policy.privacy);
    const fewer = "train fewer epochs, or in smaller batches";
    const fits = least === undefined ? fewer : `declare a noise multiplier of at least ${least}, or ${fewer}`;
    if (found === undefined)
      this.#say("/privacy", `the publisher asks for differential privacy, epsilon ${most} per job; ${fits}`);
    else
      this.#say(
        "/privacy/noise_multiplier",
        `epsilon could be ${found.toFixed(2)} and the publisher allows ${most} per job; ${fits}`,
      );
  }

  size(cost: Cost): void {
    const { policy } = this.document["atoll:market"];
    if (!(cost.flops <= MAX_FLOPS))
      this.#say("/training", "the job is far too large; declare fewer epochs or a smaller model");
    if (cost.parameters > policy.max_parameters) {
      this.#say(
        "/layers",
        `the model has ${count(cost.parameters)} trainable numbers and the publisher allows at most ${count(policy.max_parameters)}`,
      );
    }
    if (cost.memoryBytes > this.spec.limits.max_memory_mib * 2 ** 20) {
      this.#say(
        "/limits/max_memory_mib",
        `the job needs about ${count(Math.ceil(cost.memoryBytes / 2 ** 20))} MiB; declare more, or a smaller model`,
      );
    }
  }
}
