/** The rules of a job that asks for statistics (`protocol::job::check::statistics`), against its data set's document. */

import type { AssetDocument, Column } from "../../document.ts";
import { count } from "../../format.ts";
import { DELTA, epsilon, leastNoise, NOISE } from "../privacy.ts";
import {
  type Condition,
  measuredBy,
  type Statistic,
  type StatisticsCost,
  statisticsCost,
  type StatisticsSpec,
} from "../statistics.ts";
import { someLimits } from "./format.ts";
import { within } from "./policy.ts";
import { type Broken, noColumn, Rules } from "./rules.ts";

/** Statistics that one job may ask for. */
export const MAX_STATISTICS = 256;
const MAX_BINS = 1_024;
const MAX_CELLS = 16_384;
const MAX_QUANTILES = 64;
/** Conditions on the rows of one statistic. */
export const MAX_CONDITIONS = 16;

type Market = AssetDocument["atoll:market"];

export interface CheckedStatistics {
  readonly broken: readonly Broken[];
  /** Nothing while what it follows from is not sound. */
  readonly cost: StatisticsCost | undefined;
}

export function checkStatistics(spec: StatisticsSpec, document: AssetDocument): CheckedStatistics {
  const market = document["atoll:market"];
  const { columns, content, policy } = market;
  const rules = new Rules();
  if (spec.version !== 1) rules.say("/version", `${spec.version} is not known; the version is 1`);
  if (spec.statistics.length < 1 || spec.statistics.length > MAX_STATISTICS)
    rules.say("/statistics", `ask for 1 to ${MAX_STATISTICS}`);
  spec.statistics
    .slice(0, MAX_STATISTICS)
    .forEach((statistic, at) => asked(rules, `/statistics/${at}`, statistic, columns));
  rules.within("/noise_multiplier", spec.noise_multiplier, ...NOISE);
  if (!policy.statistics)
    rules.say("/kind", "the publisher does not allow statistics; train a model of an allowed family");
  someLimits(rules, spec.limits);
  within(rules, spec.limits, market, "/asset");
  const cost = rules.broken.length === 0 ? statisticsCost(spec, columns, content.rows) : undefined;
  if (cost && cost.memoryBytes > spec.limits.max_memory_mib * 2 ** 20)
    rules.say(
      "/limits/max_memory_mib",
      `the job needs about ${count(Math.ceil(cost.memoryBytes / 2 ** 20))} MiB; declare more`,
    );
  if (rules.broken.length === 0) noise(rules, spec, market);
  return { broken: rules.broken, cost };
}

/** ε that the job gives away at most; nothing if its noise is no number that noise can have. */
export function epsilonAsked(
  { noise_multiplier, statistics }: Pick<StatisticsSpec, "noise_multiplier" | "statistics">,
  { policy }: Pick<Market, "policy">,
): number | undefined {
  const found = epsilon(noise_multiplier, 1, statistics.length, policy.privacy?.delta ?? DELTA);
  return Number.isNaN(found) ? undefined : found;
}

function asked(rules: Rules, at: string, statistic: Statistic, columns: readonly Column[]): void {
  switch (statistic.kind) {
    case "count":
      break;
    case "mean":
    case "variance":
      columnOf(rules, `${at}/column`, statistic.column, columns, ["number"]);
      break;
    case "quantiles":
      columnOf(rules, `${at}/column`, statistic.column, columns, ["number"]);
      quantiles(rules, `${at}/at`, statistic.at);
      break;
    case "histogram":
      histogram(rules, at, statistic, columns);
      break;
    case "contingency":
      contingency(rules, at, statistic, columns);
  }
  const conditions = statistic.where ?? [];
  if (conditions.length > MAX_CONDITIONS) rules.say(`${at}/where`, `give at most ${MAX_CONDITIONS} conditions`);
  conditions
    .slice(0, MAX_CONDITIONS)
    .forEach((condition, place) => met(rules, `${at}/where/${place}`, condition, columns));
}

function quantiles(rules: Rules, at: string, parts: readonly number[]): void {
  const rising = parts.every((part, place) => place === 0 || part > (parts[place - 1] ?? part));
  const between = parts.every((part) => part >= 0 && part <= 1);
  if (!rising || !between || parts.length < 1 || parts.length > MAX_QUANTILES)
    rules.say(at, `name 1 to ${MAX_QUANTILES} parts of the rows from 0 to 1, rising`);
}

function histogram(
  rules: Rules,
  at: string,
  { column, bins }: Extract<Statistic, { kind: "histogram" }>,
  columns: readonly Column[],
): void {
  const kind = columns.find(({ name }) => name === column)?.type.kind;
  if (kind === "number") {
    if (bins == null) rules.say(`${at}/bins`, "say in how many parts the range is cut");
    else rules.whole(`${at}/bins`, bins, 1, MAX_BINS);
  } else if (kind === "category") {
    if (bins != null) rules.say(`${at}/bins`, "categories are counted each; leave it out");
  } else columnOf(rules, `${at}/column`, column, columns, ["number", "category"]);
}

function contingency(
  rules: Rules,
  at: string,
  statistic: Extract<Statistic, { kind: "contingency" }>,
  columns: readonly Column[],
): void {
  const [first, second] = statistic.columns;
  statistic.columns.forEach((name, place) => columnOf(rules, `${at}/columns/${place}`, name, columns, ["category"]));
  if (first === second) rules.say(`${at}/columns/1`, "name two different columns");
  const cells = measuredBy(statistic, columns);
  if (cells > MAX_CELLS)
    rules.say(`${at}/columns`, `the table would have ${count(cells)} cells, and may have ${count(MAX_CELLS)}`);
}

const HOLDS = { number: "numbers", category: "categories" } as const;

function columnOf(
  rules: Rules,
  at: string,
  name: string,
  columns: readonly Column[],
  wanted: readonly (keyof typeof HOLDS)[],
): void {
  const column = columns.find((one) => one.name === name);
  if (!column) rules.say(at, noColumn(name, columns));
  else if (!wanted.some((kind) => kind === column.type.kind))
    rules.say(at, `\`${name}\` holds no ${wanted.map((kind) => HOLDS[kind]).join(" or ")}`);
}

/** A condition that a row meets or does not. */
function met(rules: Rules, at: string, condition: Condition, columns: readonly Column[]): void {
  const { column: name, any_of: meant = [], at_least, below } = condition;
  const column = columns.find((one) => one.name === name);
  if (!column) return rules.say(`${at}/column`, noColumn(name, columns));
  const bounds = [at_least, below].filter((bound) => bound != null);
  if (column.type.kind === "category") {
    const { values } = column.type;
    if (bounds.length > 0 || meant.length === 0)
      rules.say(at, `\`${name}\` holds categories; say with \`any_of\` which are meant`);
    meant.forEach((one, place) => {
      if (!values.includes(one)) rules.say(`${at}/any_of/${place}`, `\`${one}\` is none of ${values.join(", ")}`);
    });
  } else if (column.type.kind === "number") {
    if (meant.length > 0 || bounds.length === 0 || !bounds.every(Number.isFinite))
      rules.say(at, `\`${name}\` holds numbers; say \`at_least\`, \`below\` or both`);
  } else rules.say(`${at}/column`, `\`${name}\` holds neither numbers nor categories`);
}

/** Holds what the job gives away against what the publisher allows. */
function noise(rules: Rules, spec: StatisticsSpec, market: Market): void {
  const { privacy } = market.policy;
  if (!privacy) return;
  const found = epsilonAsked(spec, market);
  const most = privacy.epsilon_per_job;
  if (found === undefined || found <= most) return;
  const least = leastNoise(1, spec.statistics.length, privacy);
  const fewer = "ask for fewer statistics";
  const fits = least === undefined ? fewer : `declare a noise multiplier of at least ${least}, or ${fewer}`;
  rules.say(
    "/noise_multiplier",
    `epsilon could be ${found.toFixed(2)} and the publisher allows ${most} per job; ${fits}`,
  );
}
