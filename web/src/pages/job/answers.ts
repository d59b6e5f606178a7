/** The answers of a job of statistics: figures, small tables, and bars that are tables as well. */

import type { Column } from "../../document.ts";
import { count, figure } from "../../format.ts";
import { type Child, h, svg } from "../../h.ts";
import { type Told, told } from "../../job/answers.ts";
import type { OpenedStatistics } from "../../job/result.ts";

export function answers({ spec, statistics, document }: OpenedStatistics): HTMLElement[] {
  const columns: readonly Column[] = document["atoll:market"].columns;
  const { privacy } = statistics;
  return [
    h(
      "p",
      { class: "quiet" },
      "Every number holds noise, which hides single rows. What stands behind ± is the noise's standard deviation: the true number is mostly within twice that. All of it together gave away epsilon ",
      h("b", null, figure(privacy.epsilon_micros / 1e6)),
      ` of a row, at delta ${privacy.delta}.`,
    ),
    ...told(spec, statistics, columns).map(answer),
  ];
}

function answer({ title, only, noise, figures, values, bars, cells }: Told): HTMLElement {
  return h(
    "section",
    { class: "answer" },
    h("h3", null, title),
    (only || noise) && h("p", { class: "quiet" }, [only, noise].filter(Boolean).join(" ")),
    figures &&
      h("dl", { class: "figures" }, figures.map(([name, value]) => h("div", null, h("dt", null, name), h("dd", null, value)))),
    values &&
      framed(title, ["Part of the rows", "Lies below"], values.map(([part, value]) => [part, number(value)])),
    bars && histogram(title, bars),
    cells &&
      framed(title, ["", ...cells.heads], cells.lines.map(([name, rows]) => [name, ...rows.map((one) => number(count(one)))])),
  );
}

/** Bars are drawn beside the numbers that they stand for, so nothing is told by their length alone. */
function histogram(title: string, bars: NonNullable<Told["bars"]>): HTMLElement {
  const most = Math.max(1, ...bars.map(([, rows]) => rows));
  const bar = (rows: number): Child =>
    h(
      "td",
      { class: "bar", "aria-hidden": "true" },
      svg(
        "svg",
        { viewBox: "0 0 100 1", preserveAspectRatio: "none" },
        svg("rect", { width: ((100 * rows) / most).toFixed(2), height: 1 }),
      ),
    );
  return framed(title, ["", "Rows"], bars.map(([name, rows]) => [name, number(count(rows)), bar(rows)]));
}

function number(text: string): HTMLElement {
  return h("td", { class: "number" }, text);
}

/** A table of which each line begins with its name. */
function framed(title: string, heads: readonly string[], lines: readonly (readonly [string, ...Child[]])[]): HTMLElement {
  return h(
    "div",
    { class: "scroll tall", tabindex: "0", role: "region", "aria-label": title },
    h(
      "table",
      { class: "answers" },
      h(
        "thead",
        null,
        h(
          "tr",
          null,
          heads.map((head, at) =>
            head === "" ? h("td", null) : h("th", { scope: "col", class: at > 0 ? "number" : "" }, head),
          ),
        ),
      ),
      h(
        "tbody",
        null,
        lines.map(([name, ...cells]) => h("tr", null, h("th", { scope: "row" }, name), cells)),
      ),
    ),
  );
}
