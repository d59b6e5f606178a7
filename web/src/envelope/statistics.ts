/** What a job of statistics tells, as it is sealed to the buyer. Names are those of the format; every number holds noise. */

import { Refused } from "./error.ts";
import { list, number, object, text } from "./json.ts";
import { type Privacy, readPrivacy } from "./report.ts";

/** An answer. A `deviation` is the standard deviation of the noise in what stands beside it. */
export type Answer =
  | { kind: "count"; count: number; deviation: number }
  /** In the column's own unit; `count` is of the rows that it is a mean of. */
  | { kind: "mean"; mean: number; deviation: number; count: number }
  /** The variance is in the square of the column's unit. */
  | { kind: "variance"; mean: number; variance: number; count: number }
  /** In the column's own unit, as they were asked for. */
  | { kind: "quantiles"; values: number[] }
  /** From the lower bound of the first part, or in the declared order of the categories. */
  | { kind: "histogram"; counts: number[]; deviation: number }
  /** For each category of the first column those of the second. */
  | { kind: "contingency"; counts: number[][]; deviation: number };

export interface StatisticsReport {
  /** Rows that the data set was declared to have. */
  rows: number;
  /** One for each question, in the spec's order. */
  answers: Answer[];
  privacy: Privacy;
  /** Name and version of the trainer. */
  trainer: string;
}

/** The report that this JSON is. Throws `Refused` if it is none; members that are not known are left out. */
export function readStatistics(value: unknown): StatisticsReport {
  const { rows, answers, privacy, trainer } = object(value);
  return {
    rows: count(rows),
    answers: list(answers, answer),
    privacy: readPrivacy(privacy),
    trainer: text(trainer),
  };
}

function answer(value: unknown): Answer {
  const found = object(value);
  const counted = (): number => count(found["count"]);
  const measured = (name: string): number => number(found[name]);
  const { kind } = found;
  switch (kind) {
    case "count":
      return { kind, count: counted(), deviation: measured("deviation") };
    case "mean":
      return { kind, mean: measured("mean"), deviation: measured("deviation"), count: counted() };
    case "variance":
      return { kind, mean: measured("mean"), variance: measured("variance"), count: counted() };
    case "quantiles":
      return { kind, values: list(found["values"], number) };
    case "histogram":
      return { kind, counts: list(found["counts"], count), deviation: measured("deviation") };
    case "contingency": {
      const counts = list(found["counts"], (row) => list(row, count));
      return { kind, counts, deviation: measured("deviation") };
    }
    default:
      throw new Refused();
  }
}

/** A number of rows. */
function count(value: unknown): number {
  const found = number(value);
  if (!Number.isInteger(found) || found < 0) throw new Refused();
  return found;
}
