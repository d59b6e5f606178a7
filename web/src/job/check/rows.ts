/** The rules of which rows a job looks at together, and which it holds out (`protocol::job::check::rows`). */

import type { Column } from "../../document.ts";
import type { JobSpec } from "../spec.ts";
import { spanOf, windowsIn } from "../windows.ts";
import { noColumn, type Rules } from "./rules.ts";

export function rows(rules: Rules, spec: JobSpec, columns: readonly Column[], count: number): void {
  windows(rules, spec, count);
  const stops = "/training/early_stopping";
  if (spec.privacy && spec.training.early_stopping)
    rules.say(stops, "looks at the rows held out after each epoch, which a private job may not; leave it out");
  if (spec.split.by) return heldOutBy(rules, spec, spec.split.by, columns);
  if (spec.training.early_stopping && spec.split.test_fraction === 0)
    rules.say(stops, "needs rows held out to look at");
}

function windows(rules: Rules, { data, privacy, split }: JobSpec, count: number): void {
  if (!data.windows) return;
  const { length, horizon, stride } = data.windows;
  rules.whole("/data/windows/length", length, 1, 4096);
  rules.whole("/data/windows/horizon", horizon, 0, 4096);
  rules.whole("/data/windows/stride", stride, 1, 8192);
  const span = spanOf(data.windows);
  if (windowsIn(data.windows, count) === 0)
    rules.say("/data/windows", `a window spans ${span} rows and there are ${count}; shorten the windows`);
  if (privacy && stride < span)
    rules.say("/data/windows/stride", `a private job lets no row be in two windows: use at least ${span}`);
  if ((data.joined ?? []).length > 0)
    rules.say("/data/windows", "rows that are joined do not follow each other; leave out one of both");
  if (split.by) rules.say("/split/by", "of windows the last are held out; give a test_fraction instead");
}

/** A column says which rows are held out. */
function heldOutBy(
  rules: Rules,
  { data, privacy, split }: JobSpec,
  by: NonNullable<JobSpec["split"]["by"]>,
  columns: readonly Column[],
): void {
  if (privacy)
    rules.say(
      "/split/by",
      "lets what a row holds decide what is done with it, which a private job may not; give a test_fraction instead",
    );
  if (split.test_fraction !== 0) rules.say("/split/test_fraction", "is 0 where a column says which rows are held out");
  const name = by.column;
  const inputs = [...data.features, ...(data.joined ?? []).flatMap(({ features }) => features)];
  if (name === data.target || inputs.includes(name))
    rules.say("/split/by/column", `\`${name}\` is a feature or the target; it may be neither`);
  const column = columns.find((one) => one.name === name);
  if (!column) return rules.say("/split/by/column", noColumn(name, columns));
  if (column.type.kind !== "category")
    return rules.say("/split/by/column", `\`${name}\` is not a column of categories`);
  const { values } = column.type;
  by.test.forEach((value, at) => {
    if (!values.includes(value)) rules.say(`/split/by/test/${at}`, `\`${value}\` is none of ${values.join(", ")}`);
  });
  if (by.test.length === 0 || values.every((value) => by.test.includes(value)))
    rules.say("/split/by/test", "name some of the categories, and not all");
}
