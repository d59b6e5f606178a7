/** The rules of a job that begins with a model, as far as that can be said from outside of its seal. */

import { same } from "../../format.ts";
import type { JobSpec } from "../spec.ts";
import { evaluates } from "../windows.ts";
import type { Rules } from "./rules.ts";

/** Most bytes of a sealed model. */
const MAX_START = 256 * 2 ** 20;

export function start(rules: Rules, spec: JobSpec, provider: { readonly public_key: string }): void {
  if (!spec.start) return;
  if (!same(spec.start.key.recipient, provider.public_key))
    rules.say("/start/key/recipient", `the model has to be sealed to the provider's key, ${provider.public_key}`);
  rules.whole("/start/ciphertext_bytes", spec.start.ciphertext_bytes, 1, MAX_START);
  if (!evaluates(spec)) return;
  if (!spec.split.by && spec.split.test_fraction === 0)
    rules.say("/split/test_fraction", "nothing is trained, so rows have to be held out to measure");
  if (spec.training.early_stopping)
    rules.say("/training/early_stopping", "there is no training that could end early; leave it out");
}
