import { expect, test } from "vitest";

import { readStatistics } from "../src/envelope/statistics.ts";
import { told } from "../src/job/answers.ts";
import { checkStatistics, epsilonAsked } from "../src/job/check/statistics.ts";
import { readSpec, readStatisticsSpec } from "../src/job/read.ts";
import { noiseOf, suggestStatistics, withColumn, withStatistics } from "../src/job/statistics.ts";
import { document, spec as ofModel } from "../tools/example.ts";

/** The same as `protocol::job::check::tests::statistics`. */
function spec(statistics: unknown, others: object = {}): object {
  const asset = "eip155:31337/erc721:0x5FbDB2315678afecb367f032d93F642f64180aa3/42";
  const limits = { max_seconds: 60, max_memory_mib: 256 };
  return { version: 1, kind: "statistics", asset, statistics, noise_multiplier: 2, limits, ...others };
}

const ALLOWED = document([], { statistics: true });

function refusals(value: unknown, of = ALLOWED): (readonly [string, string])[] {
  const read = readStatisticsSpec(value);
  const broken = "spec" in read ? checkStatistics(read.spec, of).broken : read.broken;
  return broken.map(({ pointer, message }) => [pointer, message]);
}

test("what is asked soundly is allowed and counted", () => {
  const asked = spec([
    {
      kind: "count",
      where: [
        { column: "y", any_of: ["a"] },
        { column: "x0", at_least: 1, below: 2.5 },
      ],
    },
    { kind: "mean", column: "x0" },
    { kind: "variance", column: "x0" },
    { kind: "quantiles", column: "x1", at: [0, 0.5, 1] },
    { kind: "histogram", column: "x1", bins: 20 },
    { kind: "histogram", column: "y" },
  ]);
  const read = readStatisticsSpec(asked);
  if (!("spec" in read)) throw new Error(JSON.stringify(read.broken));
  const { broken, cost } = checkStatistics(read.spec, ALLOWED);
  expect(broken).toEqual([]);
  // 1 + 2 + 3 + 2,046 + 20 + 2 numbers; a table of 100 rows with x0, x1, both categories of y and no target.
  expect(cost).toEqual({ outputs: 2074, memoryBytes: 100 * 5 * 4 + 2074 * 16 });
  // Six Gaussians of noise 2 are one of noise 2 / √6.
  const one = epsilonAsked({ noise_multiplier: 2 / Math.sqrt(6), statistics: [{ kind: "count" }] }, { policy: ALLOWED["atoll:market"].policy });
  const six = epsilonAsked(read.spec, { policy: ALLOWED["atoll:market"].policy });
  expect(six).toBeCloseTo(one ?? Number.NaN, 2);
});

test("every broken rule is named by its place", () => {
  const cases: [object, string, RegExp][] = [
    [{ kind: "mean", column: "y" }, "/column", /no numbers/],
    [{ kind: "mean", column: "z" }, "/column", /`z`/],
    [{ kind: "mode", column: "x0" }, "/kind", /mode/],
    [{ kind: "count", column: "x0" }, "/column", /not part of a spec/],
    [{ kind: "quantiles", column: "x0", at: [] }, "/at", /1 to 64/],
    [{ kind: "quantiles", column: "x0", at: [0.5, 0.5] }, "/at", /rising/],
    [{ kind: "quantiles", column: "x0", at: [1.5] }, "/at", /from 0 to 1/],
    [{ kind: "histogram", column: "x0" }, "/bins", /how many parts/],
    [{ kind: "histogram", column: "x0", bins: 0 }, "/bins", /1/],
    [{ kind: "histogram", column: "x0", bins: 1025 }, "/bins", /1,?024/],
    [{ kind: "histogram", column: "y", bins: 2 }, "/bins", /leave it out/],
    [{ kind: "contingency", columns: ["y", "x0"] }, "/columns/1", /no categories/],
    [{ kind: "contingency", columns: ["y", "y"] }, "/columns/1", /two different/],
    [{ kind: "contingency", columns: ["y"] }, "/columns", /two columns/],
    [{ kind: "count", where: [{ column: "y" }] }, "/where/0", /any_of/],
    [{ kind: "count", where: [{ column: "y", any_of: ["maybe"] }] }, "/where/0/any_of/0", /none of/],
    [{ kind: "count", where: [{ column: "x0" }] }, "/where/0", /at_least/],
    [{ kind: "count", where: [{ column: "x0", any_of: ["1"] }] }, "/where/0", /at_least/],
    [{ kind: "count", where: [{ column: "nope", below: 1 }] }, "/where/0/column", /nope/],
    [{ kind: "count", where: Array.from({ length: 17 }, () => ({ column: "x0", below: 1 })) }, "/where", /at most 16/],
  ];
  for (const [statistic, place, words] of cases) {
    const found = refusals(spec([statistic]));
    const named = found.some(([at, message]) => at === `/statistics/0${place}` && words.test(message));
    expect(named, `${JSON.stringify(statistic)}: ${JSON.stringify(found)}`).toBe(true);
  }
  const count = { kind: "count" };
  const others: [object, string][] = [
    [spec([]), "/statistics"],
    [spec(Array.from({ length: 257 }, () => count)), "/statistics"],
    [spec([count], { version: 2 }), "/version"],
    [spec([count], { kind: "training" }), "/kind"],
    [spec([count], { noise_multiplier: 0.29 }), "/noise_multiplier"],
    [spec([count], { noise_multiplier: 20_000 }), "/noise_multiplier"],
    [spec([count], { limits: { max_seconds: 0, max_memory_mib: 256 } }), "/limits/max_seconds"],
    [spec([count], { limits: { max_seconds: 60, max_memory_mib: 1 << 20 } }), "/limits/max_memory_mib"],
    [spec([count], { extra: 1 }), "/extra"],
  ];
  for (const [value, place] of others)
    expect(
      refusals(value).map(([at]) => at),
      place,
    ).toContain(place);
});

test("a publisher decides whether statistics are told and how much they give away", () => {
  const asked = spec([{ kind: "count" }]);
  expect(refusals(asked, document())[0]?.[1]).toMatch(/does not allow/);

  const privacy = { delta: 1e-3, epsilon_per_job: 1, epsilon_per_buyer: 9, epsilon_total: 9 };
  const strict = document([], { statistics: true, privacy });
  const [at, message] = refusals(asked, strict)[0] ?? [];
  expect(at).toBe("/noise_multiplier");
  const least = Number(/at least ([\d.]+),/.exec(message ?? "")?.[1]);
  expect(refusals(spec([{ kind: "count" }], { noise_multiplier: least }), strict)).toEqual([]);
  expect(refusals(spec([{ kind: "count" }], { noise_multiplier: 0.95 * least }), strict)).not.toEqual([]);
});

test("what is suggested may be asked, and keeps to the policy with more questions", () => {
  const privacy = { delta: 1e-3, epsilon_per_job: 1, epsilon_per_buyer: 9, epsilon_total: 9 };
  const strict = document([], { statistics: true, privacy });
  const { columns, content, policy } = strict["atoll:market"];
  const asset = "eip155:31337/erc721:0x5FbDB2315678afecb367f032d93F642f64180aa3/42";
  const suggested = suggestStatistics(asset, columns, content.rows, policy);
  expect(refusals(suggested, strict)).toEqual([]);
  const more = withStatistics(suggested, [...suggested.statistics, { kind: "count" }], policy);
  expect(more.noise_multiplier).toBeGreaterThan(suggested.noise_multiplier);
  expect(refusals(more, strict)).toEqual([]);
  // Noise that somebody chose stays.
  expect(withStatistics({ ...suggested, noise_multiplier: 50 }, more.statistics, policy).noise_multiplier).toBe(50);
  expect(noiseOf(2, policy)).toBe(more.noise_multiplier);
});

test("a histogram of a number is cut in parts, and one of categories is not", () => {
  const [x0, , y] = ALLOWED["atoll:market"].columns;
  if (!x0 || !y) throw new Error("the example has them");
  const of = withColumn({ kind: "histogram", column: "y" }, x0);
  expect(of).toEqual({ kind: "histogram", column: "x0", bins: 20 });
  expect(withColumn(of, y)).toEqual({ kind: "histogram", column: "y" });
});

test("the page of models says what is wrong with a spec of statistics, and the other way round", () => {
  expect(readSpec(spec([{ kind: "count" }]))).toMatchObject({ broken: [{ pointer: "/kind" }] });
  expect(refusals(ofModel()).map(([at]) => at)).toContain("/kind");
});

test("answers are told beside their questions", () => {
  const read = readStatisticsSpec(
    spec([{ kind: "count", where: [{ column: "y", any_of: ["a"] }] }, { kind: "histogram", column: "y" }]),
  );
  if (!("spec" in read)) throw new Error("it is sound");
  const report = readStatistics({
    rows: 100,
    answers: [
      { kind: "count", count: 41, deviation: 2 },
      { kind: "histogram", counts: [41, 58], deviation: 2 },
    ],
    privacy: { epsilon_micros: 900_000, delta: 1e-5, sampling_rate: 1, steps: 2, accountant: "rdp" },
    trainer: "atoll-trainer 0.1.0",
  });
  const [first, second] = told(read.spec, report, ALLOWED["atoll:market"].columns);
  expect(first?.title).toBe("Number of rows");
  expect(first?.only).toContain("y a");
  expect(second?.bars).toEqual([
    ["a", 41],
    ["b", 58],
  ]);
  for (const count of [-1, 0.5, "1", null])
    expect(() => readStatistics({ ...report, answers: [{ kind: "count", count, deviation: 2 }] })).toThrow();
  expect(() => readStatistics({ ...report, answers: [{ kind: "mode" }] })).toThrow();
});
