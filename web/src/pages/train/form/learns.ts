/** What is learnt: the column to predict, and what it is predicted from. */

import { field, select, typed } from "../../../components/field.ts";
import type { Column } from "../../../document.ts";
import { h } from "../../../h.ts";
import { tasksFor, withFeatures, withTarget, withTask } from "../../../job/change.ts";
import { convolutionsOf } from "../../../job/network.ts";
import { canBePredicted, isImage, learnable, type JobSpec, type Task } from "../../../job/spec.ts";
import { derived, untracked } from "../../../signal.ts";
import { choice, type Form, targetOf } from "./tools.ts";

const TASKS: Record<Task, string> = {
  regression: "It learns to predict a number.",
  binary_classification: "It learns to tell two groups apart.",
  multiclass_classification: "It learns to tell several groups apart.",
  image_classification: "It learns to tell images apart.",
};
const NAMES: Record<Task, string> = {
  regression: "Predict a number",
  binary_classification: "Tell two groups apart",
  multiclass_classification: "Tell several groups apart",
  image_classification: "Tell images apart",
};

export function learns(form: Form): HTMLElement {
  const { draft, market, change, wrong } = form;
  const count = (): string =>
    `Columns to learn from: ${draft.spec().data.features.length} of ${offered(draft.spec(), market.columns).length}`;
  return h(
    "fieldset",
    null,
    h("legend", null, "What it learns"),
    field(
      { label: "Column to predict", hint: () => TASKS[draft.spec().task], wrong: wrong("/data/target") },
      select(
        market.columns.filter(canBePredicted).map(({ name }) => [name, name] as const),
        {
          value: untracked(draft.spec).data.target,
          onchange: (event: Event) => change((spec) => withTarget(spec, market, typed(event))),
        },
      ),
    ),
    task(form),
    h("p", { class: "label" }, count),
    features(form),
    h("p", { class: "wrong", role: "alert" }, wrong("/data/features")),
  );
}

/** The task, where a target has more than one. */
function task(form: Form): () => HTMLElement | undefined {
  const { draft, market, change, wrong } = form;
  const tasks = derived(() => {
    const target = targetOf(form);
    return (target ? tasksFor(target, market.columns, draft.spec().task) : []).join();
  });
  return () => {
    const names = tasks().split(",").filter(Boolean) as Task[];
    if (names.length < 2) return undefined;
    return choice(
      { label: "Task", wrong: wrong("/task") },
      names.map((name) => [name, NAMES[name]] as const),
      () => draft.spec().task,
      (task) => change((spec) => withTask(spec, market, task)),
    );
  };
}

/** True of what learns from one image and from nothing beside it. */
function isOfOneImage(spec: JobSpec): boolean {
  return spec.task === "image_classification" || convolutionsOf(spec) !== undefined;
}

/** The columns to choose from. */
function offered(spec: JobSpec, columns: readonly Column[]): string[] {
  return learnable(isOfOneImage(spec) ? columns.filter(isImage) : columns, spec.data.target);
}

function features({ draft, market, change }: Form): HTMLElement {
  const names = derived(() => JSON.stringify(offered(draft.spec(), market.columns)));
  const oneImage = derived(() => isOfOneImage(draft.spec()));
  const toggle = (name: string, on: boolean): void =>
    change((spec) => {
      const others = oneImage() ? [] : spec.data.features.filter((one) => one !== name);
      return withFeatures(spec, market, on ? [...others, name] : others);
    });
  const box = (name: string): HTMLElement =>
    h(
      "label",
      null,
      h("input", {
        type: oneImage() ? "radio" : "checkbox",
        name: "features",
        checked: () => draft.spec().data.features.includes(name),
        onchange: (event: Event) => toggle(name, (event.target as HTMLInputElement).checked),
      }),
      name,
    );
  return h("div", { class: "columns-list", role: "group", "aria-label": "Columns to learn from" }, () =>
    (JSON.parse(names()) as string[]).map(box),
  );
}
