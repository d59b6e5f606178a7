/** The states of jobs and orders, in words. */

import type { Schema } from "../api/client.ts";
import { type Declared, isStatistics } from "./statistics.ts";
import { evaluates } from "./windows.ts";

type Status = Schema["JobStatus"];

const JOB: Record<Status, string> = {
  queued: "Waiting for the provider",
  leased: "The provider is checking it",
  running: "Training",
  completed: "Done",
  refused: "Refused by the provider",
  failed: "Did not succeed",
  cancelled: "Cancelled",
  expired: "Nobody did it in time",
};

/** What a job computes: a model that it trains, how good one is that it begins with, or statistics. */
export type Work = "training" | "evaluation" | "statistics";

/** A job whose spec is not known here is taken for the usual one. */
export function workOf(spec: Declared | undefined): Work {
  if (!spec) return "training";
  if (isStatistics(spec)) return "statistics";
  return evaluates(spec) ? "evaluation" : "training";
}

/** Where a job is. A download is a job as well: the provider wraps the content key to its buyer. */
export function stateOf({ kind, status }: Pick<Schema["Job"], "kind" | "status">, work: Work = "training"): string {
  if (status !== "running") return JOB[status];
  if (kind === "download") return "The provider hands it over";
  return work === "training" ? JOB.running : "Measuring";
}

export const ORDER: Record<Schema["OrderStatus"], string> = {
  open: "Paid, held until it is delivered",
  fulfilled: "Delivered and paid out",
  cancelled: "Ended; your payment came back",
  returned: "Ended; your payment came back",
};

export function isFinal(status: Status): boolean {
  return !["queued", "leased", "running"].includes(status);
}

/** Why a job ended without a result, and what to do (`protocol::failure`). */
export function why(
  failure: NonNullable<Schema["Job"]["failure"]>,
  buyer = "You",
  work: Work = "training",
): string {
  switch (failure.code) {
    case "content_tampered":
      return "The stored data is not what the publisher sealed. The publisher has to upload it again.";
    case "columns_differ":
      return "The table's columns are not the declared ones. The publisher has to publish a corrected version.";
    case "missing_value":
      return `Column “${failure.column}” has a missing value. The publisher has to publish a corrected version.`;
    case "not_a_number":
      return `Column “${failure.column}” holds something that is not a number. The publisher has to publish a corrected version.`;
    case "unknown_category":
      return `Column “${failure.column}” holds a category that is not declared. The publisher has to declare it and publish again.`;
    case "key_repeated":
      return `Column “${failure.column}” holds a key twice, so rows can not be joined by it. The publisher has to publish a corrected version.`;
    case "malformed_table":
      return "The table breaks a limit of size or form. The publisher has to publish another one.";
    case "start_unusable":
      return "The model to begin with is not the declared one, or does not fit the layers. Seal it again with the command line, and declare that.";
    case "too_few_rows":
      return "The data set has fewer rows than its policy asks for.";
    case "diverged":
      return "The training ran away. Try again with a smaller learning rate.";
    case "time_limit":
      return work === "statistics"
        ? "It ran into its time limit. Try again with fewer questions or more seconds."
        : "It ran into its time limit. Try again with fewer epochs or more seconds.";
    case "memory_limit":
      return work === "statistics"
        ? "It ran into its memory limit. Try again with fewer questions or more memory."
        : "It ran into its memory limit. Try again with a smaller model or fewer rows per step.";
    case "worker_crashed":
      return "The provider's worker ended without an answer. Try again.";
    case "output_refused":
      return "What came out was not what the job declared, so nothing was released.";
    case "sandbox_unavailable":
      return "The provider can not seal a worker on its machine, so it did not open the data.";
    case "refused":
      return `The provider refused it: ${failure.reason}`;
    case "cancelled":
      return `${buyer} cancelled it.`;
  }
}
