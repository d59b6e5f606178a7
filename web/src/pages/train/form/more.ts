/** What most jobs leave as it is: loss, decay, schedule, clipping, an early end, and time series. */

import { command } from "../../../components/commands.ts";
import { type Child, h } from "../../../h.ts";
import { withLoss, withSchedule, withTraining, withWindows } from "../../../job/change.ts";
import { type JobSpec, kindOf, type Loss, lossesOf, usualDecay, usualLoss } from "../../../job/spec.ts";
import { LOSSES } from "../../../job/template.ts";
import { usualWindows, type Windows } from "../../../job/windows.ts";
import { derived, untracked } from "../../../signal.ts";
import { choice, type Form, number, numbers, optional, targetOf } from "./tools.ts";

export function more(form: Form, spec: JobSpec): HTMLElement {
  return h(
    "details",
    { open: !isPlain(spec) },
    h("summary", null, "More"),
    h("fieldset", null, h("legend", null, "Loss"), h("div", { class: "grid" }, loss(form))),
    h(
      "fieldset",
      null,
      h("legend", null, "Steps"),
      h("div", { class: "grid" }, decay(form), schedule(form, spec), clip(form, spec)),
    ),
    // It looks at the rows held out after each epoch, which a private job may not.
    !spec.privacy && h("fieldset", null, h("legend", null, "Early end"), stopping(form, spec)),
    h("fieldset", null, h("legend", null, "Time series"), windows(form)),
    !spec.start && [
      h(
        "p",
        { class: "quiet" },
        "A job can also begin with a model of yours. Keep what you describe here, as JSON, in job.json. This command seals the ",
        "model to the provider, and writes a spec to put in under JSON:",
      ),
      command("atoll job start --spec job.json --model model.safetensors --out further.json"),
    ],
  );
}

/** True if nothing below is other than usual: then it need not be seen. */
function isPlain({ data, loss, optimizer, schedule, task, training }: JobSpec): boolean {
  const { warm_up = 0, decay } = schedule ?? {};
  const { weight_decay = usualDecay(optimizer) } = optimizer;
  return (
    loss === usualLoss(task) &&
    weight_decay === usualDecay(optimizer) &&
    warm_up === 0 &&
    !decay &&
    training.gradient_clip == null &&
    !training.early_stopping &&
    !data.windows
  );
}

function loss(form: Form): Child {
  const { draft, market, change, wrong } = form;
  const task = derived(() => draft.spec().task);
  const kind = derived(() => kindOf(draft.spec().loss));
  // Weights are of this target's classes.
  const numbered = derived(() => `${kind()} ${draft.spec().data.target}`);
  const put = (loss: Loss): void => change((spec) => ({ ...spec, loss }));
  return [
    () =>
      choice(
        { label: "What is minimised" },
        lossesOf(task()).map((name) => [name, LOSSES[name]] as const),
        kind,
        (kind) => change((spec) => withLoss(spec, market, kind)),
      ),
    () => {
      numbered();
      const { loss } = untracked(draft.spec);
      if (typeof loss === "string") return undefined;
      if ("huber" in loss)
        return number(
          {
            label: "Large errors from",
            hint: "Smaller ones count as their squares. The target is scaled to −1 … 1.",
            wrong: wrong("/loss/huber/delta"),
          },
          loss.huber.delta,
          (delta) => put({ huber: { delta } }),
        );
      const { type } = untracked(() => targetOf(form)) ?? {};
      const classes = type?.kind === "category" ? type.values.join(", ") : "";
      return numbers(
        {
          label: "Weight of each class",
          hint: `One for each of ${classes}, 0.001 to 1,000.`,
          wrong: wrong("/loss/weighted_cross_entropy"),
        },
        loss.weighted_cross_entropy.class_weights,
        (class_weights) => put({ weighted_cross_entropy: { class_weights } }),
      );
    },
  ];
}

/** What pulls at the weights beside the gradient: an optimiser's own numbers. */
function decay({ draft, change, wrong }: Form): () => Child {
  const kind = derived(() => draft.spec().optimizer.kind);
  return () => {
    kind();
    const { optimizer } = untracked(draft.spec);
    const put = (part: { momentum?: number; weight_decay?: number }): void =>
      change((spec) => ({ ...spec, optimizer: { ...spec.optimizer, ...part } }));
    return [
      optimizer.kind === "sgd" &&
        number(
          { label: "Momentum", hint: "0 to 0.999; 0 for none.", wrong: wrong("/optimizer/momentum") },
          optimizer.momentum ?? 0,
          (momentum) => put({ momentum }),
        ),
      number(
        { label: "Weight decay", hint: "0 to 1; 0 for none.", wrong: wrong("/optimizer/weight_decay") },
        optimizer.weight_decay ?? usualDecay(optimizer),
        (weight_decay) => put({ weight_decay }),
      ),
    ];
  };
}

type Decay = NonNullable<NonNullable<JobSpec["schedule"]>["decay"]>;
type Step = Extract<Decay, { kind: "step" }>;

const FALLS: readonly (readonly [Decay["kind"] | "none", string])[] = [
  ["none", "Stays"],
  ["step", "Falls in steps"],
  ["cosine", "Falls along a cosine"],
];
const USUAL: Record<Decay["kind"], Decay> = {
  step: { kind: "step", every: 10, factor: 0.5 },
  cosine: { kind: "cosine" },
};

function schedule({ draft, change, wrong }: Form, { schedule }: JobSpec): Child {
  const fall = derived(() => draft.spec().schedule?.decay?.kind ?? "none");
  const put = (part: Partial<Step>): void =>
    change((spec) => {
      const decay = spec.schedule?.decay;
      return decay?.kind === "step" ? withSchedule(spec, { decay: { ...decay, ...part } }) : spec;
    });
  return [
    number(
      {
        label: "Warm-up",
        hint: "Epochs in which the step size grows to its full size; 0 for none.",
        wrong: wrong("/schedule/warm_up"),
        whole: true,
      },
      schedule?.warm_up ?? 0,
      (warm_up) => change((spec) => withSchedule(spec, { warm_up })),
    ),
    choice({ label: "Step size after that" }, FALLS, fall, (fall) =>
      change((spec) => withSchedule(spec, { decay: fall === "none" ? null : USUAL[fall] })),
    ),
    () => {
      const decay = fall() === "step" ? untracked(draft.spec).schedule?.decay : undefined;
      if (decay?.kind !== "step") return undefined;
      return [
        number(
          { label: "Falls every", hint: "In epochs.", wrong: wrong("/schedule/decay/every"), whole: true },
          decay.every,
          (every) => put({ every }),
        ),
        number(
          { label: "By the factor", hint: "0.001 to 1.", wrong: wrong("/schedule/decay/factor") },
          decay.factor,
          (factor) => put({ factor }),
        ),
      ];
    },
  ];
}

function clip({ change, wrong }: Form, { training }: JobSpec): HTMLElement {
  return optional(
    {
      label: "Gradient clip",
      hint: "The norm that a step's gradient is scaled down to. Empty: none.",
      wrong: wrong("/training/gradient_clip"),
    },
    training.gradient_clip,
    (clip) => change((spec) => withTraining(spec, { gradient_clip: clip ?? null })),
  );
}

function stopping({ change, wrong }: Form, { training }: JobSpec): HTMLElement {
  return optional(
    {
      label: "Stop after",
      hint: "So many epochs in a row that are no better on the rows held out. You get the best one's model. Empty: never.",
      wrong: wrong("/training/early_stopping"),
      whole: true,
    },
    training.early_stopping?.patience,
    (patience) =>
      change((spec) => withTraining(spec, { early_stopping: patience === undefined ? null : { patience } })),
  );
}

function windows({ draft, change, wrong }: Form): Child {
  const on = derived(() => !!draft.spec().data.windows);
  const put = (part: Partial<Windows>): void =>
    change((spec) => (spec.data.windows ? withWindows(spec, { ...spec.data.windows, ...part }) : spec));
  return [
    choice(
      {
        label: "It looks at",
        hint: "The rows of a time series follow each other in the table.",
        wrong: wrong("/data/windows"),
      },
      [
        ["rows", "Single rows"],
        ["windows", "Several rows at once"],
      ],
      () => (on() ? "windows" : "rows"),
      (seen) => change((spec) => withWindows(spec, seen === "windows" ? usualWindows(!!spec.privacy) : undefined)),
    ),
    () => {
      const windows = on() ? untracked(draft.spec).data.windows : undefined;
      if (!windows) return undefined;
      return h(
        "div",
        { class: "grid" },
        number({ label: "Rows seen", hint: "One after the other.", whole: true }, windows.length, (length) =>
          put({ length }),
        ),
        number(
          { label: "Predicts ahead", hint: "Rows after the last one seen; 0 is that one itself.", whole: true },
          windows.horizon,
          (horizon) => put({ horizon }),
        ),
        number(
          { label: "Moves on by", hint: "Rows from one look to the next.", whole: true },
          windows.stride,
          (stride) => put({ stride }),
        ),
      );
    },
  ];
}
