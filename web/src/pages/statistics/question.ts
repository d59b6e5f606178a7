/** One question of the form: what is measured, of which column, and of which rows. */

import type { Column } from "../../document.ts";
import { type Child, h } from "../../h.ts";
import { canBeAsked, type Statistic, withColumn, withStatistics } from "../../job/statistics.ts";
import { derived, untracked } from "../../signal.ts";
import { choice, number, numbers } from "../train/form/tools.ts";
import { conditions } from "./conditions.ts";
import { type Form, KINDS } from "./tools.ts";

type Kind = Statistic["kind"];
type Of<K extends Kind> = Extract<Statistic, { kind: K }>;
/** Those of one column. */
type Single = Extract<Statistic, { column: string }>;

/** The question at a place of the spec, which is of this kind as long as the field is there. */
export function question(form: Form, kind: Kind, at: number): HTMLElement {
  const { market, change } = form;
  const remove = (): void =>
    change((spec) =>
      withStatistics(
        spec,
        spec.statistics.filter((_, place) => place !== at),
        market.policy,
      ),
    );
  return h(
    "fieldset",
    null,
    h("legend", null, `${at + 1}. ${KINDS[kind]}`),
    h("div", { class: "grid" }, fields(form, kind, at)),
    conditions(form, at),
    h(
      "button",
      { type: "button", class: "small", "aria-label": `Remove question ${at + 1}`, onclick: remove },
      "Remove",
    ),
  );
}

/** Changes the question at a place, as long as it is of that kind. */
function changing<K extends Kind>({ change }: Form, kind: K, at: number): (make: (now: Of<K>) => Statistic) => void {
  return (make) =>
    change((spec) => {
      const now = spec.statistics[at];
      if (now?.kind !== kind) return spec;
      return { ...spec, statistics: spec.statistics.with(at, make(now as Of<K>)) };
    });
}

function fields(form: Form, kind: Kind, at: number): Child {
  switch (kind) {
    case "count":
      return h("p", { class: "quiet" }, "How many rows meet the conditions below.");
    case "mean":
    case "variance":
      return column(form, kind, at, isNumber);
    case "quantiles":
      return [column(form, kind, at, isNumber), parts(form, at)];
    case "histogram":
      return [column(form, kind, at, canBeAsked), bins(form, at)];
    case "contingency":
      return [pair(form, at, 0), pair(form, at, 1)];
  }
}

function isNumber({ type }: Column): boolean {
  return type.kind === "number";
}

function named(columns: readonly Column[], fits: (column: Column) => boolean): (readonly [string, string])[] {
  return columns.filter(fits).map(({ name }) => [name, name] as const);
}

function column(form: Form, kind: Single["kind"], at: number, fits: (column: Column) => boolean): HTMLElement {
  const { columns } = form.market;
  const change = changing(form, kind, at);
  return choice(
    { label: "Column", wrong: form.wrong(`/statistics/${at}/column`) },
    named(columns, fits),
    () => columnAt(form, at) ?? "",
    (name) => {
      const other = columns.find((one) => one.name === name);
      if (other) change((now) => withColumn(now, other));
    },
  );
}

function columnAt({ spec }: Form, at: number): string | undefined {
  const now = spec().statistics[at];
  return now && "column" in now ? now.column : undefined;
}

/** Parts of a range; categories are counted each. */
function bins(form: Form, at: number): () => Child {
  const { market, spec, wrong } = form;
  const change = changing(form, "histogram", at);
  const cut = derived(() => market.columns.some((one) => one.name === columnAt(form, at) && isNumber(one)));
  return () => {
    const now = cut() ? untracked(spec).statistics[at] : undefined;
    if (now?.kind !== "histogram") return undefined;
    return number(
      {
        label: "Parts",
        hint: "Equal parts of the declared range, 1 to 1,024. Few parts stand out better against the noise.",
        wrong: wrong(`/statistics/${at}/bins`),
        whole: true,
      },
      now.bins ?? Number.NaN,
      (bins) => change((now) => ({ ...now, bins })),
    );
  };
}

function parts(form: Form, at: number): Child {
  const now = untracked(form.spec).statistics[at];
  const change = changing(form, "quantiles", at);
  return (
    now?.kind === "quantiles" &&
    numbers(
      {
        label: "Parts of the rows that lie below",
        hint: "0 to 1, rising. 0.5 is the median.",
        wrong: form.wrong(`/statistics/${at}/at`),
      },
      now.at,
      (at) => change((now) => ({ ...now, at })),
    )
  );
}

function pair(form: Form, at: number, place: 0 | 1): HTMLElement {
  const change = changing(form, "contingency", at);
  const now = (): string => {
    const statistic = form.spec().statistics[at];
    return (statistic?.kind === "contingency" && statistic.columns[place]) || "";
  };
  return choice(
    { label: place === 0 ? "Lines" : "Columns", wrong: form.wrong(`/statistics/${at}/columns/${place}`) },
    named(form.market.columns, ({ type }) => type.kind === "category"),
    now,
    (name) => change((statistic) => ({ ...statistic, columns: statistic.columns.with(place, name) })),
  );
}
