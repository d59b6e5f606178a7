/** The questions as a form. Every change writes the whole spec; what the form can not show stays as it is. */

import { h } from "../../h.ts";
import { questionOf, type Statistic, withStatistics } from "../../job/statistics.ts";
import { derived, untracked } from "../../signal.ts";
import { number, wrongIn } from "../train/form/tools.ts";
import { limits } from "../train/form/training.ts";
import type { Draft } from "./page.ts";
import { question } from "./question.ts";
import { type Form, KINDS } from "./tools.ts";

export function form(draft: Draft): HTMLElement {
  const market = draft.document["atoll:market"];
  const form: Form = {
    market,
    spec: draft.spec,
    change: (make) => draft.spec.update(make),
    wrong: wrongIn(draft.checked),
  };
  // Fields are made anew only for other questions: who types keeps the place.
  const asked = derived(() =>
    draft
      .spec()
      .statistics.map(({ kind }) => kind)
      .join(),
  );
  return h(
    "fieldset",
    { class: "plain", disabled: draft.fixed },
    h("legend", { class: "sr" }, "The questions"),
    () => {
      asked();
      return untracked(draft.spec).statistics.map(({ kind }, at) => question(form, kind, at));
    },
    h("p", { class: "wrong", role: "alert" }, () =>
      draft.spec().statistics.length === 0 ? "Add at least one question." : undefined,
    ),
    adding(form),
    noise(form, asked),
    limits(form, untracked(draft.spec)),
  );
}

/** A button for each kind of question that the data set's columns can answer. */
function adding({ market, change }: Form): HTMLElement {
  const { columns, policy } = market;
  const add = (kind: Statistic["kind"]): HTMLElement | undefined => {
    const first = questionOf(kind, columns);
    if (!first) return undefined;
    const put = (): void => change((spec) => withStatistics(spec, [...spec.statistics, first], policy));
    return h("button", { type: "button", onclick: put }, KINDS[kind]);
  };
  return h(
    "fieldset",
    null,
    h("legend", null, "Add a question"),
    h("p", { class: "quiet" }, "A histogram costs as much privacy as one count: ask for one rather than for each of its parts."),
    h("div", { class: "row" }, (Object.keys(KINDS) as Statistic["kind"][]).map(add)),
  );
}

/** The field follows the proposal, which changes with the number of questions. */
function noise({ spec, change, wrong }: Form, asked: () => string): HTMLElement {
  return h("fieldset", null, h("legend", null, "Privacy"), () => {
    asked();
    return number(
      {
        label: "Noise multiplier",
        hint: "0.3 to 10,000. More noise gives less away of each row, and answers that are less exact. More questions need more of it.",
        wrong: wrong("/noise_multiplier"),
      },
      untracked(spec).noise_multiplier,
      (noise_multiplier) => change((spec) => ({ ...spec, noise_multiplier })),
    );
  });
}
