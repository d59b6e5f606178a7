/** Rows that everyone may see, in clear: none unless the publisher chooses them. */

import { h } from "../../h.ts";
import { type Draft, shownOf } from "../../publish/draft.ts";
import { untracked } from "../../signal.ts";
import { later } from "./columns.ts";

export function sample(draft: Draft): HTMLElement {
  return h("div", null, () => {
    const table = draft.table();
    if (!table) return later("3. Sample rows");
    const columns = untracked(draft.columns);
    const names = columns.map(({ name }) => name);
    const toggle = (at: number): void =>
      draft.sample.update((now) => {
        const next = new Set(now);
        if (!next.delete(at)) next.add(at);
        return next;
      });
    return h(
      "section",
      { "aria-labelledby": "sample-title" },
      h("h2", { id: "sample-title" }, "3. Sample rows"),
      h("p", null, "Buyers choose more easily when they see a few rows. Tick only rows that may be public: they are shown to everyone, for ever."),
      h(
        "div",
        { class: "scroll", tabindex: "0", role: "region", "aria-label": "First rows of the table" },
        h(
          "table",
          null,
          h("thead", null, h("tr", null, h("th", { scope: "col" }, "Show"), names.map((name) => h("th", { scope: "col" }, name)))),
          h(
            "tbody",
            null,
            table.first.map((cells, at) =>
              h(
                "tr",
                null,
                h("td", null, h("input", { type: "checkbox", "aria-label": `Show row ${at + 1} to everyone`, onchange: () => toggle(at) })),
                shownOf(columns, cells).map((cell) => h("td", null, cell)),
              ),
            ),
          ),
        ),
      ),
    );
  });
}
