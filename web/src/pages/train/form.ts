/** The spec as a form. Every change writes the whole spec; what the form can not show stays as it is. */

import { field, select, typed } from "../../components/field.ts";
import { hint } from "../../components/notice.ts";
import type { Column, ModelFamily } from "../../document.ts";
import { h } from "../../h.ts";
import {
  type Activation,
  canBeLearnt,
  canBePredicted,
  familiesFor,
  familyOf,
  type JobSpec,
  layersOf,
  type Network,
  networkOf,
  outputsOf,
  taskOf,
} from "../../job/spec.ts";
import { untracked } from "../../signal.ts";
import { FAMILIES } from "../asset/policy.ts";
import type { Draft } from "./page.ts";

const TASKS: Record<JobSpec["task"], string> = {
  regression: "It learns to predict a number.",
  binary_classification: "It learns to tell two groups apart.",
  multiclass_classification: "It learns to tell several groups apart.",
};

export function form(draft: Draft): HTMLElement {
  const { columns, policy } = draft.document["atoll:market"];
  const spec = untracked(draft.spec);
  const target = (): Column | undefined => columns.find(({ name }) => name === draft.spec().data.target);
  const learnable = (target: string): Column[] => columns.filter((one) => one.name !== target && canBeLearnt(one));
  const change = (make: (spec: JobSpec) => Partial<JobSpec>): void =>
    draft.spec.update((now) => ({ ...now, ...make(now) }));
  const wrong =
    (...pointers: string[]) =>
    (): string | undefined =>
      draft.checked().broken.find(({ pointer }) => pointers.some((start) => pointer.startsWith(start)))?.message;
  const number = (event: Event): number => (typed(event).trim() === "" ? Number.NaN : Number(typed(event)));

  const retarget = (name: string): void => {
    const column = columns.find((one) => one.name === name);
    if (!column) return;
    const task = taskOf(column);
    change((now) => {
      const known = familiesFor(column, policy);
      const was = familyOf(now);
      const family = known.includes(was) ? was : (known.at(-1) ?? "multilayer_perceptron");
      return {
        task,
        loss: task === "regression" ? "mean_squared_error" : "cross_entropy",
        data: { ...now.data, target: name, features: learnable(name).map((one) => one.name) },
        layers: layersOf(family, outputsOf(column), networkOf(now) ?? PLAIN),
      };
    });
  };
  const network = (part: Partial<Network>, family: ModelFamily = "multilayer_perceptron"): void =>
    change((now) => {
      const column = target();
      return column ? { layers: layersOf(family, outputsOf(column), { ...(networkOf(now) ?? PLAIN), ...part }) } : {};
    });

  return h(
    "fieldset",
    { class: "plain", disabled: draft.fixed },
    h("legend", { class: "sr" }, "The model"),
    h(
      "fieldset",
      null,
      h("legend", null, "What it learns"),
      field(
        { label: "Column to predict", hint: () => TASKS[draft.spec().task] },
        select(
          columns.filter(canBePredicted).map(({ name }) => [name, name] as const),
          { value: spec.data.target, onchange: (event: Event) => retarget(typed(event)) },
        ),
      ),
      h("p", { class: "label" }, () => `Columns to learn from: ${draft.spec().data.features.length} of ${learnable(draft.spec().data.target).length}`),
      h("div", { class: "columns-list", role: "group", "aria-label": "Columns to learn from" }, () =>
        choices(draft, columns),
      ),
      h("p", { class: "wrong", role: "alert" }, wrong("/data/features")),
    ),
    h(
      "fieldset",
      null,
      h("legend", null, "Model"),
      h("div", { class: "grid" }, () => {
        const column = target();
        const known = column ? familiesFor(column, policy) : [];
        return field(
          {
            label: "Family",
            hint: known.length === 1 ? "The only one that the publisher allows for this column." : undefined,
          },
          select(
            known.map((family) => [family, FAMILIES[family]] as const),
            {
              value: untracked(() => familyOf(draft.spec())),
              onchange: (event: Event) =>
                network(
                  untracked(() => (networkOf(draft.spec())?.hidden.length ? {} : { hidden: PLAIN.hidden })),
                  typed(event) as ModelFamily,
                ),
            },
          ),
        );
      }),
      () => (isDeep(draft) ? layers(draft, network, wrong("/layers")) : undefined),
    ),
    h(
      "fieldset",
      null,
      h("legend", null, "Training"),
      h(
        "div",
        { class: "grid" },
        field(
          { label: "Optimiser" },
          select(
            [
              ["adam", "Adam"],
              ["sgd", "Stochastic gradient descent"],
            ],
            {
              value: spec.optimizer.kind,
              onchange: (event: Event) =>
                change(({ optimizer: { learning_rate } }) => ({
                  optimizer:
                    typed(event) === "sgd"
                      ? { kind: "sgd", learning_rate, momentum: 0.9 }
                      : { kind: "adam", learning_rate },
                })),
            },
          ),
        ),
        field(
          { label: "Learning rate", wrong: wrong("/optimizer") },
          h("input", {
            inputmode: "decimal",
            value: spec.optimizer.learning_rate,
            oninput: (event: Event) =>
              change(({ optimizer }) => ({ optimizer: { ...optimizer, learning_rate: number(event) } })),
          }),
        ),
        field(
          { label: "Epochs", hint: "Passes over the data.", wrong: wrong("/training/epochs") },
          h("input", {
            inputmode: "numeric",
            value: spec.training.epochs,
            oninput: (event: Event) => change(({ training }) => ({ training: { ...training, epochs: number(event) } })),
          }),
        ),
        field(
          { label: "Rows per step", wrong: wrong("/training/batch_size") },
          h("input", {
            inputmode: "numeric",
            value: spec.training.batch_size,
            oninput: (event: Event) =>
              change(({ training }) => ({ training: { ...training, batch_size: number(event) } })),
          }),
        ),
        field(
          {
            label: "Held out to measure",
            hint: "Part of the rows, 0 to 0.5. Measured are only groups of 20 rows or more.",
            wrong: wrong("/split"),
          },
          h("input", {
            inputmode: "decimal",
            value: spec.split.test_fraction,
            oninput: (event: Event) => change(({ split }) => ({ split: { ...split, test_fraction: number(event) } })),
          }),
        ),
      ),
    ),
    spec.privacy && privacy(spec.privacy, change, wrong, number),
    h(
      "fieldset",
      null,
      h("legend", null, "Limits"),
      h(
        "div",
        { class: "grid" },
        field(
          { label: "Seconds at most", wrong: wrong("/limits/max_seconds") },
          h("input", {
            inputmode: "numeric",
            value: spec.limits.max_seconds,
            oninput: (event: Event) => change(({ limits }) => ({ limits: { ...limits, max_seconds: number(event) } })),
          }),
        ),
        field(
          { label: "Memory at most, MiB", wrong: wrong("/limits/max_memory_mib") },
          h("input", {
            inputmode: "numeric",
            value: spec.limits.max_memory_mib,
            oninput: (event: Event) =>
              change(({ limits }) => ({ limits: { ...limits, max_memory_mib: number(event) } })),
          }),
        ),
      ),
    ),
  );
}

/** Noise and clipping. Whether there is any is the publisher's choice, or the JSON's. */
function privacy(
  start: NonNullable<JobSpec["privacy"]>,
  change: (make: (spec: JobSpec) => Partial<JobSpec>) => void,
  wrong: (...pointers: string[]) => () => string | undefined,
  number: (event: Event) => number,
): HTMLElement {
  const set = (part: Partial<typeof start>): void => change(({ privacy }) => ({ privacy: { ...start, ...privacy, ...part } }));
  return h(
    "fieldset",
    null,
    h("legend", null, "Privacy"),
    h(
      "div",
      { class: "grid" },
      field(
        {
          label: "Noise multiplier",
          hint: "More noise gives less away of each row, and a model that is a little worse.",
          wrong: wrong("/privacy/noise_multiplier", "/privacy"),
        },
        h("input", {
          inputmode: "decimal",
          value: start.noise_multiplier,
          oninput: (event: Event) => set({ noise_multiplier: number(event) }),
        }),
      ),
      field(
        {
          label: "Clipping norm",
          hint: "The most that one row can pull at the model. 1 suits most.",
          wrong: wrong("/privacy/clipping_norm"),
        },
        h("input", { inputmode: "decimal", value: start.clipping_norm, oninput: (event: Event) => set({ clipping_norm: number(event) }) }),
      ),
    ),
  );
}

const PLAIN: Network = { hidden: [16], activation: "relu", dropout: 0 };

function isDeep(draft: Draft): boolean {
  return familyOf(draft.spec()) === "multilayer_perceptron";
}

function choices(draft: Draft, columns: readonly Column[]): HTMLElement[] {
  const { features, target } = draft.spec().data;
  const toggle = (name: string, on: boolean): void =>
    draft.spec.update((now) => {
      const kept = new Set(now.data.features);
      if (on) kept.add(name);
      else kept.delete(name);
      const features = columns.map((column) => column.name).filter((one) => kept.has(one));
      return { ...now, data: { ...now.data, features } };
    });
  const chosen = new Set(untracked(() => features));
  return columns
    .filter((column) => column.name !== target && canBeLearnt(column))
    .map(({ name }) =>
      h(
        "label",
        null,
        h("input", {
          type: "checkbox",
          checked: chosen.has(name),
          onchange: (event: Event) => toggle(name, (event.target as HTMLInputElement).checked),
        }),
        name,
      ),
    );
}

function layers(draft: Draft, change: (part: Partial<Network>) => void, wrong: () => string | undefined): HTMLElement {
  const network = untracked(() => networkOf(draft.spec()));
  if (!network)
    return hint("These layers are finer than this form. See them under JSON; choosing a family here replaces them.");
  const sizes = (text: string): number[] =>
    text
      .split(/[,\s]+/)
      .filter(Boolean)
      .map(Number);
  return h(
    "div",
    { class: "grid" },
    field(
      { label: "Hidden layers", hint: "Units of each, like 32, 16.", wrong },
      h("input", {
        inputmode: "numeric",
        value: network.hidden.join(", "),
        onchange: (event: Event) => change({ hidden: sizes(typed(event)) }),
      }),
    ),
    field(
      { label: "Activation" },
      select(
        [
          ["relu", "ReLU"],
          ["gelu", "GELU"],
          ["tanh", "tanh"],
          ["sigmoid", "Sigmoid"],
        ],
        { value: network.activation, onchange: (event: Event) => change({ activation: typed(event) as Activation }) },
      ),
    ),
    field(
      { label: "Dropout", hint: "0 to 0.9; 0 for none." },
      h("input", {
        inputmode: "decimal",
        value: network.dropout,
        onchange: (event: Event) => change({ dropout: Number(typed(event)) }),
      }),
    ),
  );
}
