/**
 * The rules of a job spec against a data set's document, as `protocol::job::check` has them, so that a mistake is told
 * while it is typed. The server and the provider check again by themselves.
 */

import type { AssetDocument } from "../document.ts";
import { features, model } from "./check/columns.ts";
import { format } from "./check/format.ts";
import { allowed, privacy, size } from "./check/policy.ts";
import { rows } from "./check/rows.ts";
import { type Broken, Rules } from "./check/rules.ts";
import { start } from "./check/start.ts";
import { type Cost, costOf } from "./cost.ts";
import type { JobSpec } from "./spec.ts";

export interface Checked {
  readonly broken: readonly Broken[];
  /** Nothing if the layers do not fit, or if a number that it follows from is none. */
  readonly cost: Cost | undefined;
}

export function check(spec: JobSpec, document: AssetDocument): Checked {
  const market = document["atoll:market"];
  const { columns, content, provider } = market;
  const rules = new Rules();
  format(rules, spec);
  alone(rules, spec);
  const inputs = features(rules, spec, columns);
  allowed(rules, spec, market);
  rows(rules, spec, columns, content.rows);
  const fitting = model(rules, spec, inputs, columns);
  start(rules, spec, provider);
  const cost = fitting && known(costOf(spec, fitting, content.rows));
  if (cost) size(rules, spec, market, cost);
  if (rules.broken.length === 0) privacy(rules, spec, market);
  return { broken: rules.broken, cost };
}

/** The page orders one data set and nothing else: it has neither the documents of further assets nor orders for them. */
function alone(rules: Rules, { data, algorithm }: JobSpec): void {
  if ((data.joined ?? []).length > 0)
    rules.say("/data/joined", "this page orders one data set alone; order several with the command line, `atoll buy`");
  if (algorithm)
    rules.say("/algorithm", "this page orders no algorithm with a data set; use the command line, `atoll buy`");
}

function known(cost: Cost): Cost | undefined {
  return Object.values(cost).some(Number.isNaN) ? undefined : cost;
}
