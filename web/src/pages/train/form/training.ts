/** How it is trained, within which limits, and through how much noise. */

import { hint } from "../../../components/notice.ts";
import { h } from "../../../h.ts";
import { withOptimizer } from "../../../job/change.ts";
import type { JobSpec } from "../../../job/spec.ts";
import { choice, type Form, number } from "./tools.ts";

export function training(form: Form, spec: JobSpec): HTMLElement {
  const { draft, change, wrong } = form;
  const { epochs, batch_size } = spec.training;
  const measures = spec.start ? " 0 trains nothing, and measures the model that it begins with." : "";
  return h(
    "fieldset",
    null,
    h("legend", null, "Training"),
    h(
      "div",
      { class: "grid" },
      choice(
        { label: "Optimiser" },
        [
          ["adam", "Adam"],
          ["adamw", "AdamW"],
          ["sgd", "Stochastic gradient descent"],
        ],
        () => draft.spec().optimizer.kind,
        (kind) => change((spec) => withOptimizer(spec, kind)),
      ),
      number(
        { label: "Learning rate", wrong: wrong("/optimizer/learning_rate") },
        spec.optimizer.learning_rate,
        (learning_rate) => change((spec) => ({ ...spec, optimizer: { ...spec.optimizer, learning_rate } })),
      ),
      number(
        { label: "Epochs", hint: `Passes over the data.${measures}`, wrong: wrong("/training/epochs"), whole: true },
        epochs,
        (epochs) => change((spec) => ({ ...spec, training: { ...spec.training, epochs } })),
      ),
      number({ label: "Rows per step", wrong: wrong("/training/batch_size"), whole: true }, batch_size, (batch_size) =>
        change((spec) => ({ ...spec, training: { ...spec.training, batch_size } })),
      ),
      heldOut(form, spec),
    ),
  );
}

function heldOut({ change, wrong }: Form, { split, start }: JobSpec): HTMLElement {
  if (split.by) {
    const { column, test } = split.by;
    return hint(
      `Held out to measure are the rows whose ${column} is ${test.join(" or ")}. This is changed under JSON.`,
    );
  }
  const most = start ? "0.5, or to 1 if nothing is trained" : "0.5";
  return number(
    {
      label: "Held out to measure",
      hint: `Part of the rows, 0 to ${most}. Measured are only groups of 20 rows or more.`,
      wrong: wrong("/split/test_fraction"),
    },
    split.test_fraction,
    (test_fraction) => change((spec) => ({ ...spec, split: { ...spec.split, test_fraction } })),
  );
}

/** Noise and clipping. Whether there is any is the publisher's choice, or the JSON's. */
export function privacy({ change, wrong }: Form, start: NonNullable<JobSpec["privacy"]>): HTMLElement {
  const set = (part: Partial<typeof start>): void =>
    change((spec) => ({ ...spec, privacy: { ...start, ...spec.privacy, ...part } }));
  return h(
    "fieldset",
    null,
    h("legend", null, "Privacy"),
    h(
      "div",
      { class: "grid" },
      number(
        {
          label: "Noise multiplier",
          hint: "More noise gives less away of each row, and a model that is a little worse.",
          wrong: wrong("/privacy/noise_multiplier"),
        },
        start.noise_multiplier,
        (noise_multiplier) => set({ noise_multiplier }),
      ),
      number(
        {
          label: "Clipping norm",
          hint: "The most that one row can pull at the model. 1 suits most.",
          wrong: wrong("/privacy/clipping_norm"),
        },
        start.clipping_norm,
        (clipping_norm) => set({ clipping_norm }),
      ),
    ),
  );
}

/** Of a job of either kind. */
export function limits<S extends Pick<JobSpec, "limits">>(
  { change, wrong }: { change(make: (spec: S) => S): void } & Pick<Form, "wrong">,
  { limits }: S,
): HTMLElement {
  const set = (part: Partial<typeof limits>): void =>
    change((spec) => ({ ...spec, limits: { ...spec.limits, ...part } }));
  return h(
    "fieldset",
    null,
    h("legend", null, "Limits"),
    h(
      "div",
      { class: "grid" },
      number(
        { label: "Seconds at most", wrong: wrong("/limits/max_seconds"), whole: true },
        limits.max_seconds,
        (max_seconds) => set({ max_seconds }),
      ),
      number(
        { label: "Memory at most, MiB", wrong: wrong("/limits/max_memory_mib"), whole: true },
        limits.max_memory_mib,
        (max_memory_mib) => set({ max_memory_mib }),
      ),
    ),
  );
}
