import { expect, test } from "vitest";

import type { PrivacyPolicy } from "../src/document.ts";
import { epsilon, epsilonOf, noiseFor, sampling } from "../src/job/privacy.ts";
import type { JobSpec } from "../src/job/spec.ts";
import vectors from "../../privacy/tests/vectors/dp_accountant.json" with { type: "json" };

const POLICY: PrivacyPolicy = { delta: 1e-5, epsilon_per_job: 3, epsilon_per_buyer: 6, epsilon_total: 12 };

function spec(privacy?: JobSpec["privacy"]): Parameters<typeof sampling>[0] {
  return {
    data: { asset: "", features: [], target: "" },
    training: { epochs: 20, batch_size: 64, seed: 1 },
    split: { test_fraction: 0.2, seed: 1 },
    ...(privacy && { privacy }),
  };
}

test("epsilon is never below the published values, and close to them", () => {
  expect(vectors.rows.length).toBe(8);
  for (const { sigma, q, steps, delta, rdp, pld } of vectors.rows) {
    const found = epsilon(sigma, q, steps, delta);
    expect(found).toBeGreaterThanOrEqual(rdp - 1e-6);
    expect(found).toBeGreaterThan(pld);
    // Fractional orders are left away, which costs most where the best one is small.
    expect(found).toBeLessThan(rdp * 1.01);
  }
});

test("a job samples as the provider does it", () => {
  expect(sampling(spec(), 569)).toEqual({ rate: 64 / 455, steps: 160 });
  expect(sampling({ ...spec(), training: { epochs: 3, batch_size: 5_000, seed: 1 } }, 569)).toEqual({ rate: 1, steps: 3 });
  // Nothing is left to train on.
  expect(sampling({ ...spec(), split: { test_fraction: 0.5, seed: 1 } }, 1)).toBeUndefined();
});

test("what is sampled are windows, and an evaluation is the one measurement", () => {
  const windows = { length: 4, horizon: 1, stride: 5 };
  const training = { epochs: 10, batch_size: 8, seed: 1 };
  const split = { test_fraction: 0.25, seed: 1 };
  const seen = { ...spec({ noise_multiplier: 4, clipping_norm: 1 }), data: { ...spec().data, windows }, training, split };
  // 20 windows of 100 rows, 5 of them held out; batches of 8 of the other 15.
  expect(sampling(seen, 100)).toEqual({ rate: 8 / 15, steps: 20 });
  const measured = { ...seen, training: { ...training, epochs: 0 }, split: { test_fraction: 1, seed: 1 } };
  expect(sampling(measured, 100)).toEqual({ rate: 1, steps: 1 });
  expect(epsilonOf(measured, 100)).toBe(epsilon(4, 1, 1, 1e-5));
});

test("the noise that is proposed keeps to the policy, and a little less does not", () => {
  const noise = noiseFor(spec(), 569, POLICY) ?? 0;
  const of = (noise_multiplier: number): number => epsilonOf(spec({ noise_multiplier, clipping_norm: 1 }), 569, POLICY) ?? 0;
  expect(of(noise)).toBeLessThanOrEqual(3);
  expect(of(noise - 0.03)).toBeGreaterThan(3);
  expect(noiseFor(spec(), 569, { ...POLICY, epsilon_per_job: 1e-9 })).toBeUndefined();
  expect(epsilonOf(spec(), 569, POLICY)).toBeUndefined();
});
