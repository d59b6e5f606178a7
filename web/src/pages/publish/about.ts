/** What the catalogue says of the data set. */

import { field, typed } from "../../components/field.ts";
import { h } from "../../h.ts";
import type { Draft } from "../../publish/draft.ts";

export function about(draft: Draft): HTMLElement {
  return h(
    "section",
    { "aria-labelledby": "about-title" },
    h("h2", { id: "about-title" }, "4. What it is"),
    field({ label: "Name" }, h("input", { maxlength: 200, oninput: (event: Event) => draft.name.set(typed(event)) })),
    field(
      { label: "Description", hint: "Where the data comes from, what a row is, and what the columns mean. Everyone can read it." },
      h("textarea", { rows: 5, maxlength: 10_000, oninput: (event: Event) => draft.description.set(typed(event)) }),
    ),
    h(
      "div",
      { class: "grid" },
      field({ label: "Licence", hint: "A name like CC-BY-4.0, or the address of your terms." }, h("input", { oninput: (event: Event) => draft.license.set(typed(event)) })),
      field({ label: "Keywords", hint: "With commas between them." }, h("input", { oninput: (event: Event) => draft.keywords.set(typed(event)) })),
    ),
  );
}
