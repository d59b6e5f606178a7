/**
 * What a private job gives away of a row, at most: Rényi differential privacy of the sampled Gaussian at whole orders
 * (Mironov, Talwar and Zhang, 2019). The provider counts more exactly (crate `atoll-privacy`), and never finds more than this.
 */

import type { PrivacyPolicy } from "../document.ts";
import type { JobSpec } from "./spec.ts";
import { evaluates, samplesOf } from "./windows.ts";

const ORDERS = Array.from({ length: 62 }, (_, at) => at + 2);
/** Least and most noise that a job may declare. */
export const NOISE = [0.3, 10_000] as const;
export const CLIPPING = [0.0001, 10_000] as const;
/** δ where the publisher asks for none. */
export const DELTA = 1e-5;

/** What decides how often a row is looked at, and through how much noise. */
type Sampled = Pick<JobSpec, "data" | "privacy" | "split" | "training">;

/**
 * Probability of a row in a step, and steps in all, of a job on so many rows or on the windows of them; nothing if it trains
 * on none. Of an evaluation its one measurement, of each row that is held out, is the step.
 */
export function sampling(spec: Sampled, rows: number): { rate: number; steps: number } | undefined {
  if (evaluates(spec)) return { rate: 1, steps: 1 };
  const { training, split } = spec;
  const samples = samplesOf(spec, rows);
  const trained = samples - Math.min(samples, Math.round(samples * split.test_fraction));
  if (trained < 1) return undefined;
  const batch = Math.min(Math.max(1, training.batch_size), trained);
  return { rate: batch / trained, steps: Math.ceil(trained / batch) * training.epochs };
}

/** ε that the job's noise gives at most; undefined for an exact job. */
export function epsilonOf(spec: Sampled, rows: number, policy?: PrivacyPolicy | null): number | undefined {
  const sampled = sampling(spec, rows);
  if (!spec.privacy || !sampled) return undefined;
  return epsilon(spec.privacy.noise_multiplier, sampled.rate, sampled.steps, policy?.delta ?? DELTA);
}

/** The least noise, to two places, with which the job keeps to the policy; undefined if none does. */
export function noiseFor(spec: Sampled, rows: number, policy: PrivacyPolicy): number | undefined {
  const sampled = sampling(spec, rows);
  if (!sampled) return undefined;
  return leastNoise(sampled.rate, sampled.steps, policy);
}

/** The same, of so many steps at this sampling rate. */
export function leastNoise(
  rate: number,
  steps: number,
  { delta, epsilon_per_job: most }: Pick<PrivacyPolicy, "delta" | "epsilon_per_job">,
): number | undefined {
  const fits = (noise: number): boolean => epsilon(noise, rate, steps, delta) <= most;
  let [low, high] = [NOISE[0] / 2, NOISE[1]] as [number, number];
  if (!fits(high)) return undefined;
  while (high - low > 0.001) {
    const middle = (low + high) / 2;
    if (fits(middle)) high = middle;
    else low = middle;
  }
  return Math.max(NOISE[0], Math.ceil(high * 100) / 100);
}

export function epsilon(noise: number, rate: number, steps: number, delta: number): number {
  if (!(noise > 0 && rate > 0 && rate <= 1 && steps >= 1)) return Number.NaN;
  const at = (order: number): number => {
    const conversion = (Math.log(delta) + Math.log(order)) / (order - 1);
    return (steps * logMoment(noise, rate, order)) / (order - 1) - conversion + Math.log1p(-1 / order);
  };
  return Math.max(0, Math.min(...ORDERS.map(at)));
}

/** ln E[(P/Q)^order] of one step. */
function logMoment(noise: number, rate: number, order: number): number {
  if (rate === 1) return (order * (order - 1)) / (2 * noise * noise);
  let [binomial, sum] = [0, Number.NEGATIVE_INFINITY];
  for (let at = 0; at <= order; at++) {
    if (at > 0) binomial += Math.log(order - at + 1) - Math.log(at);
    const term =
      binomial + at * Math.log(rate) + (order - at) * Math.log1p(-rate) + (at * at - at) / (2 * noise * noise);
    const high = Math.max(sum, term);
    sum = high + Math.log1p(Math.exp(Math.min(sum, term) - high));
  }
  return Math.max(0, sum);
}
