/** Rows that the publisher chose to show. */

import type { Column } from "../../document.ts";
import { h } from "../../h.ts";
import { inWords } from "./schema.ts";

export function sample(columns: readonly Column[], rows: readonly (readonly string[])[]): HTMLElement {
  if (rows.length === 0) {
    return h("p", { class: "quiet" }, "The publisher shows no rows. The columns above say what to expect.");
  }
  return h(
    "div",
    { class: "scroll", tabindex: "0", role: "region", "aria-label": "Sample rows" },
    h(
      "table",
      null,
      h("caption", { class: "sr" }, "Rows that the publisher chose to show"),
      h(
        "thead",
        null,
        h(
          "tr",
          null,
          columns.map(({ name }) => h("th", { scope: "col" }, name)),
        ),
      ),
      h(
        "tbody",
        null,
        rows.map((row) =>
          h(
            "tr",
            null,
            columns.map(({ type }, at) =>
              h(
                "td",
                { class: type.kind === "number" ? "number" : null },
                type.kind === "image" ? inWords(type) : type.kind === "key" ? "not shown" : (row[at] ?? ""),
              ),
            ),
          ),
        ),
      ),
    ),
  );
}
