import { expect, test } from "vitest";

import type { PrivacyPolicy } from "../src/document.ts";
import { epsilon, epsilonOf, noiseFor, sampling } from "../src/job/privacy.ts";
import type { JobSpec } from "../src/job/spec.ts";
import vectors from "../../privacy/tests/vectors/dp_accountant.json" with { type: "json" };

const POLICY: PrivacyPolicy = { delta: 1e-5, epsilon_per_job: 3, epsilon_per_buyer: 6, epsilon_total: 12 };

function spec(privacy?: JobSpec["privacy"]): JobSpec {
  return {
    training: { epochs: 20, batch_size: 64, seed: 1 },
    split: { test_fraction: 0.2, seed: 1 },
    ...(privacy && { privacy }),
  } as JobSpec;
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
});

test("the noise that is proposed keeps to the policy, and a little less does not", () => {
  const noise = noiseFor(spec(), 569, POLICY) ?? 0;
  const of = (noise_multiplier: number): number => epsilonOf(spec({ noise_multiplier, clipping_norm: 1 }), 569, POLICY) ?? 0;
  expect(of(noise)).toBeLessThanOrEqual(3);
  expect(of(noise - 0.03)).toBeGreaterThan(3);
  expect(noiseFor(spec(), 569, { ...POLICY, epsilon_per_job: 1e-9 })).toBeUndefined();
  expect(epsilonOf(spec(), 569, POLICY)).toBeUndefined();
});
