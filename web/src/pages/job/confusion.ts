/** What the held-out rows of each class were taken for, as the provider lets it out: shares, and none of small classes. */

import type { Report } from "../../envelope/report.ts";
import { figure } from "../../format.ts";
import { h } from "../../h.ts";

/** Nothing for a regression, for very many classes, and where no class has enough held-out rows. */
export function confusion({ classes, test_confusion }: Report): HTMLElement[] {
  if (test_confusion.every((shares) => shares === null)) return [];
  return [
    h("h3", null, "Right and wrong, by class"),
    h(
      "div",
      { class: "scroll", tabindex: "0", role: "region", "aria-label": "Confusion matrix" },
      h(
        "table",
        null,
        h("caption", null, "Of the held-out rows of each class, the share that the model took for each class."),
        h(
          "thead",
          null,
          h(
            "tr",
            null,
            h("th", { scope: "col" }, "Rows that are"),
            classes.map((name) => h("th", { scope: "col", class: "number" }, `taken for ${name}`)),
          ),
        ),
        h(
          "tbody",
          null,
          classes.map((name, at) => h("tr", null, h("th", { scope: "row" }, name), cells(test_confusion[at], at, classes.length))),
        ),
      ),
    ),
  ];
}

function cells(shares: readonly number[] | null | undefined, right: number, classes: number): HTMLElement[] {
  if (!shares) return [h("td", { class: "quiet", colspan: String(classes) }, "too few rows are held out to tell")];
  return shares.map((share, at) => {
    const percent = `${figure(share * 100)} %`;
    return h("td", { class: "number" }, at === right ? h("strong", null, percent) : percent);
  });
}
