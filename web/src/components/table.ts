/** A table whose rows become blocks in a narrow window: what is to be done must not lie beyond its edge. */

import { type Child, h } from "../h.ts";

/** Roles are said, since browsers forget them where a table is not drawn as one. */
export function table(name: string, heads: readonly string[], rows: readonly (readonly Child[])[]): HTMLElement {
  return h(
    "div",
    { class: "scroll", tabindex: "0", role: "region", "aria-label": name },
    h(
      "table",
      { class: "stack", role: "table" },
      h("thead", { role: "rowgroup" }, h("tr", { role: "row" }, heads.map((head) => h("th", { scope: "col", role: "columnheader" }, head)))),
      h(
        "tbody",
        { role: "rowgroup" },
        rows.map((cells) => h("tr", { role: "row" }, cells.map((cell, at) => h("td", { role: "cell", "data-label": heads[at] }, cell)))),
      ),
    ),
  );
}
