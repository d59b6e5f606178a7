/** What the parts of the form of questions share. */

import type { AssetDocument } from "../../document.ts";
import type { Statistic, StatisticsSpec } from "../../job/statistics.ts";

export interface Form {
  readonly market: AssetDocument["atoll:market"];
  readonly spec: () => StatisticsSpec;
  change(make: (spec: StatisticsSpec) => StatisticsSpec): void;
  /** What is wrong with a member, or with something in it. */
  wrong(pointer: string): () => string | undefined;
}

export const KINDS: Record<Statistic["kind"], string> = {
  histogram: "Histogram",
  count: "Count",
  mean: "Mean",
  variance: "Variance",
  quantiles: "Quantiles",
  contingency: "Table of two columns",
};
