/** The rules of the publisher: what may be trained, how large, and what it may give away of single rows. */

import type { AssetDocument } from "../../document.ts";
import { count } from "../../format.ts";
import type { Cost } from "../cost.ts";
import { epsilonOf, noiseFor } from "../privacy.ts";
import { familyOf, type JobSpec } from "../spec.ts";
import type { Rules } from "./rules.ts";

type Market = AssetDocument["atoll:market"];

/** Most work that one job may declare, in floating-point operations. */
const MAX_FLOPS = 2 ** 56;

export function allowed(rules: Rules, spec: JobSpec, market: Market): void {
  const { policy } = market;
  const family = familyOf(spec);
  if (policy.trusted_algorithms && !spec.algorithm)
    rules.say(
      "/algorithm",
      "the publisher lets only algorithms run that it lists; name one of them, with its asset and hash",
    );
  if (!policy.model_families.includes(family))
    rules.say("/layers", `the publisher does not allow ${family}; allowed: ${policy.model_families.join(", ")}`);
  within(rules, spec.limits, market, "/data/asset");
}

/** What the publisher asks of a job of either kind; `asset` is where its spec names the data set. */
export function within(rules: Rules, limits: JobSpec["limits"], { policy, content }: Market, asset: string): void {
  if (limits.max_seconds > policy.max_seconds)
    rules.say("/limits/max_seconds", `the publisher allows at most ${count(policy.max_seconds)}`);
  if (limits.max_memory_mib > policy.max_memory_mib)
    rules.say("/limits/max_memory_mib", `the publisher allows at most ${count(policy.max_memory_mib)}`);
  if (content.rows < policy.min_rows)
    rules.say(asset, `the data set has ${count(content.rows)} rows and its policy asks for ${count(policy.min_rows)}`);
}

export function size(rules: Rules, { limits }: JobSpec, { policy }: Market, cost: Cost): void {
  if (cost.flops > MAX_FLOPS)
    return rules.say("/training", "the job is far too large; declare fewer epochs or a smaller model");
  if (cost.parameters > policy.max_parameters)
    rules.say(
      "/layers",
      `the model has ${count(cost.parameters)} trainable numbers and the publisher allows at most ${count(policy.max_parameters)}`,
    );
  if (cost.memoryBytes > limits.max_memory_mib * 2 ** 20)
    rules.say(
      "/limits/max_memory_mib",
      `the job needs about ${count(Math.ceil(cost.memoryBytes / 2 ** 20))} MiB; declare more, or a smaller model`,
    );
}

/** To be asked last, and only of a job that is otherwise sound: what it says follows from the rest. */
export function privacy(rules: Rules, spec: JobSpec, { policy, content }: Market): void {
  if (!policy.privacy) return;
  const most = policy.privacy.epsilon_per_job;
  const found = epsilonOf(spec, content.rows, policy.privacy);
  if (found !== undefined && found <= most) return;
  const least = noiseFor(spec, content.rows, policy.privacy);
  const fewer = "train fewer epochs, or in smaller batches";
  const fits = least === undefined ? fewer : `declare a noise multiplier of at least ${least}, or ${fewer}`;
  if (found === undefined)
    rules.say("/privacy", `the publisher asks for differential privacy, epsilon ${most} per job; ${fits}`);
  else
    rules.say(
      "/privacy/noise_multiplier",
      `epsilon could be ${found.toFixed(2)} and the publisher allows ${most} per job; ${fits}`,
    );
}
