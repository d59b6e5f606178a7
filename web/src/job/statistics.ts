/**
 * Statistics of a data set, each with noise (`protocol::job::statistics`): a job that counts and measures, and trains nothing.
 * Each question is one Gaussian mechanism, whatever it asks.
 */

import type { Schema } from "../api/client.ts";
import type { Column, Policy } from "../document.ts";
import { DELTA, leastNoise, NOISE } from "./privacy.ts";
import { type JobSpec, likelyTarget } from "./spec.ts";

export type StatisticsSpec = Schema["StatisticsSpec"];
export type Statistic = Schema["Statistic"];
export type Condition = Schema["Condition"];
/** A job of either kind. */
export type Declared = JobSpec | StatisticsSpec;

/** How often a column's range is halved to find a quantile. */
const QUANTILE_LEVELS = 10;
/** What is asked of noise where the publisher asks for none. */
const USUAL = { delta: DELTA, epsilon_per_job: 1 };
const USUAL_BINS = 20;

export function isStatistics(spec: Declared): spec is StatisticsSpec {
  return "kind" in spec;
}

/** Columns that are measured, without those of its conditions. */
export function columnsOf(statistic: Statistic): readonly string[] {
  if (statistic.kind === "count") return [];
  return statistic.kind === "contingency" ? statistic.columns : [statistic.column];
}

/** The columns that are looked at, each once. */
export function lookedAt({ statistics }: Pick<StatisticsSpec, "statistics">): string[] {
  const all = statistics.flatMap((one) => [...columnsOf(one), ...(one.where ?? []).map(({ column }) => column)]);
  return [...new Set(all)];
}

/** Numbers that are measured, each with noise. */
export function measuredBy(statistic: Statistic, columns: readonly Column[]): number {
  const categories = (name: string | undefined): number => {
    const type = columns.find((column) => column.name === name)?.type;
    return type?.kind === "category" ? type.values.length : 0;
  };
  switch (statistic.kind) {
    case "count":
      return 1;
    case "mean":
      return 2;
    case "variance":
      return 3;
    case "quantiles":
      // Of each halving both halves.
      return 2 * 2 ** QUANTILE_LEVELS - 2;
    case "histogram":
      return statistic.bins ?? categories(statistic.column);
    case "contingency":
      return categories(statistic.columns[0]) * categories(statistic.columns[1]);
  }
}

export interface StatisticsCost {
  /** Numbers that are measured. */
  readonly outputs: number;
  readonly memoryBytes: number;
}

/** What a job needs on so many rows. */
export function statisticsCost(spec: StatisticsSpec, columns: readonly Column[], rows: number): StatisticsCost {
  const names = lookedAt(spec);
  const outputs = spec.statistics.reduce((sum, statistic) => sum + measuredBy(statistic, columns), 0);
  const inputs = widthOf(columns.filter(({ name }) => names.includes(name)));
  // The table, with a target that is not there, and what is measured, in double precision.
  return { outputs, memoryBytes: rows * (inputs + 1) * 4 + outputs * 16 };
}

function widthOf(columns: readonly Column[]): number {
  return columns.reduce((sum, { type }) => sum + (type.kind === "category" ? type.values.length : 1), 0);
}

/** The least noise with which so many questions keep to the policy; the most that there may be if none does. */
export function noiseOf(questions: number, { privacy }: Pick<Policy, "privacy">): number {
  return leastNoise(1, Math.max(1, questions), privacy ?? USUAL) ?? NOISE[1];
}

/** A job to begin with: how the rows are distributed over the column that is most likely to be predicted. */
export function suggestStatistics(
  asset: string,
  columns: readonly Column[],
  rows: number,
  policy: Policy,
  marked?: Column,
): StatisticsSpec {
  const target = likelyTarget(columns, marked);
  const first: Statistic = target ? withColumn({ kind: "histogram", column: target.name }, target) : { kind: "count" };
  // Room for every column that a question may be of.
  const needed = (rows * (widthOf(columns.filter(canBeAsked)) + 1) * 4) / 2 ** 20;
  return {
    version: 1,
    kind: "statistics",
    asset,
    statistics: [first],
    noise_multiplier: noiseOf(1, policy),
    limits: {
      max_seconds: Math.min(60, policy.max_seconds),
      max_memory_mib: Math.min(policy.max_memory_mib, 256 * Math.max(1, Math.ceil(needed / 256))),
    },
  };
}

/** Images and keys are not counted. */
export function canBeAsked({ type }: Column): boolean {
  return type.kind === "number" || type.kind === "category";
}

/** A question of a kind, as it is asked first; nothing if no column fits. */
export function questionOf(kind: Statistic["kind"], columns: readonly Column[]): Statistic | undefined {
  const number = columns.find(({ type }) => type.kind === "number");
  const categories = columns.filter(({ type }) => type.kind === "category");
  const [first, second] = categories;
  switch (kind) {
    case "count":
      return { kind };
    case "mean":
    case "variance":
      return number && { kind, column: number.name };
    case "quantiles":
      return number && { kind, column: number.name, at: [0.25, 0.5, 0.75] };
    case "histogram": {
      const column = first ?? number;
      return column && withColumn({ kind, column: column.name }, column);
    }
    case "contingency":
      return first && second && { kind, columns: [first.name, second.name] };
  }
}

/** The question of another column. A range is cut in parts, and categories are not. */
export function withColumn<S extends Extract<Statistic, { column: string }>>(statistic: S, { name, type }: Column): S {
  if (statistic.kind !== "histogram") return { ...statistic, column: name };
  const { bins, ...rest } = statistic;
  return { ...rest, column: name, ...(type.kind === "number" && { bins: bins ?? USUAL_BINS }) } as S;
}

/** The question of rows that meet these conditions, or of all. */
export function withConditions(statistic: Statistic, conditions: readonly Condition[]): Statistic {
  const { where: _, ...rest } = statistic;
  return conditions.length > 0 ? { ...rest, where: [...conditions] } : rest;
}

/** A condition on a column, as it is put first: its first category, or the upper half of its range. */
export function conditionOn({ name, type }: Column): Condition {
  if (type.kind === "category") return { column: name, any_of: type.values.slice(0, 1) };
  return { column: name, at_least: type.kind === "number" ? type.min / 2 + type.max / 2 : 0 };
}

/** Other questions. Noise that was just enough is just enough again; what was chosen otherwise stays. */
export function withStatistics(
  spec: StatisticsSpec,
  statistics: readonly Statistic[],
  policy: Pick<Policy, "privacy">,
): StatisticsSpec {
  const follows = spec.noise_multiplier === noiseOf(spec.statistics.length, policy);
  const noise_multiplier = follows ? noiseOf(statistics.length, policy) : spec.noise_multiplier;
  return { ...spec, statistics: [...statistics], noise_multiplier };
}
