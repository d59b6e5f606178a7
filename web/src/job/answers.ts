/** What a job of statistics tells, in words: each answer beside its question, with the names that the data set's document has. */

import type { Column } from "../document.ts";
import type { Answer, StatisticsReport } from "../envelope/statistics.ts";
import { count, figure, listed } from "../format.ts";
import type { Figure } from "./figures.ts";
import { columnsOf, type Condition, type Statistic, type StatisticsSpec } from "./statistics.ts";

/** An answer, ready to be shown. Only one of figures, values, bars and cells is there. */
export interface Told {
  readonly title: string;
  /** Of which rows, if not of all. */
  readonly only?: string;
  /** What the noise does to the numbers. */
  readonly noise?: string;
  readonly figures?: readonly Figure[];
  /** Quantiles: part of the rows, and the value that they lie below. */
  readonly values?: readonly Figure[];
  /** Rows of each part of a range, or of each category. */
  readonly bars?: readonly (readonly [name: string, rows: number])[];
  /** Rows of each pair of categories: a line for each of the first column. */
  readonly cells?: {
    readonly heads: readonly string[];
    readonly lines: readonly (readonly [name: string, rows: readonly number[]])[];
  };
}

/** All answers, in the order of the questions. */
export function told(spec: StatisticsSpec, { answers }: StatisticsReport, columns: readonly Column[]): Told[] {
  return spec.statistics.flatMap((statistic, at) => {
    const answer = answers[at];
    if (!answer) return [];
    const conditions = statistic.where ?? [];
    const only = conditions.length > 0 ? { only: `Only rows with ${conditions.map(condition).join(", and ")}.` } : {};
    return [{ title: titleOf(statistic), ...only, ...shown(statistic, answer, columns) }];
  });
}

/** What a question asks. */
export function titleOf(statistic: Statistic): string {
  const names = columnsOf(statistic).join(" and ");
  switch (statistic.kind) {
    case "count":
      return "Number of rows";
    case "mean":
      return `Mean of ${names}`;
    case "variance":
      return `Variance of ${names}`;
    case "quantiles":
      return `Quantiles of ${names}`;
    case "histogram":
    case "contingency":
      return `Rows by ${names}`;
  }
}

function condition({ column, any_of: meant = [], at_least, below }: Condition): string {
  if (meant.length > 0) return `${column} ${listed(meant)}`;
  const bounds = [
    ...(at_least == null ? [] : [`of ${at_least} or more`]),
    ...(below == null ? [] : [`below ${below}`]),
  ];
  return `${column} ${bounds.join(" and ")}`;
}

function shown(statistic: Statistic, answer: Answer, columns: readonly Column[]): Omit<Told, "title"> {
  switch (answer.kind) {
    case "count":
      return { figures: [["Rows", around(answer.count, answer.deviation)]] };
    case "mean":
      return {
        figures: [
          ["Mean", around(answer.mean, answer.deviation)],
          ["Rows, about", count(answer.count)],
        ],
      };
    case "variance":
      return {
        figures: [
          ["Variance", figure(answer.variance)],
          ["Mean", figure(answer.mean)],
          ["Rows, about", count(answer.count)],
        ],
      };
    case "quantiles": {
      const parts = statistic.kind === "quantiles" ? statistic.at : [];
      return { values: answer.values.map((value, at) => [partOf(parts[at]), figure(value)]) };
    }
    case "histogram": {
      const names = partsOf(statistic, columns);
      return { noise: each(answer.deviation), bars: answer.counts.map((rows, at) => [nameOf(names, at), rows]) };
    }
    case "contingency": {
      const [first = [], second = []] = columnsOf(statistic).map((name) => categoriesOf(name, columns));
      const heads = (answer.counts[0] ?? []).map((_, at) => nameOf(second, at));
      const lines = answer.counts.map((rows, at) => [nameOf(first, at), rows] as const);
      return { noise: each(answer.deviation), cells: { heads, lines } };
    }
  }
}

function around(value: number, deviation: number): string {
  return `${figure(value)} ± ${figure(deviation)}`;
}

function each(deviation: number): string {
  return `Each ± ${figure(deviation)} rows.`;
}

function partOf(part: number | undefined): string {
  if (part === undefined) return "";
  return part === 0.5 ? "50 % (median)" : `${figure(part * 100)} %`;
}

/** The categories that a histogram counts, or the parts of the declared range. */
function partsOf(statistic: Statistic, columns: readonly Column[]): string[] {
  if (statistic.kind !== "histogram") return [];
  const type = columns.find(({ name }) => name === statistic.column)?.type;
  if (type?.kind !== "number") return categoriesOf(statistic.column, columns);
  const bins = statistic.bins ?? 0;
  const edge = (at: number): string => figure(type.min + (type.max - type.min) * (at / bins));
  return Array.from({ length: bins }, (_, at) => `${edge(at)} … ${edge(at + 1)}`);
}

function categoriesOf(name: string, columns: readonly Column[]): string[] {
  const type = columns.find((column) => column.name === name)?.type;
  return type?.kind === "category" ? type.values : [];
}

function nameOf(names: readonly string[], at: number): string {
  return names[at] ?? `Part ${at + 1}`;
}
