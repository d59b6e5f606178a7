/** The steps of a purchase or a publication, with the one that is under way. */

import { h } from "../h.ts";
import type { State, Steps } from "../purchase/steps.ts";

const WORDS: Record<State, string> = { ahead: "to do", now: "under way", done: "done", failed: "not done" };

export function steps(shown: Steps): HTMLElement {
  return h("ol", { class: "steps", "aria-live": "polite" }, () =>
    shown
      .list()
      .map(({ title, state, detail }) =>
        h(
          "li",
          { class: state, "aria-current": state === "now" ? "step" : null },
          h("span", { class: "mark", "aria-hidden": "true" }),
          h(
            "div",
            null,
            h("strong", null, title),
            h("span", { class: "sr" }, `, ${WORDS[state]}`),
            detail !== "" && h("p", null, detail),
          ),
        ),
      ),
  );
}
