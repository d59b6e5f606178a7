/** The conditions on a question's rows: a row counts if it meets all of them. */

import type { Column } from "../../document.ts";
import { type Child, h } from "../../h.ts";
import { MAX_CONDITIONS } from "../../job/check/statistics.ts";
import { canBeAsked, type Condition, conditionOn, withConditions } from "../../job/statistics.ts";
import { derived, untracked } from "../../signal.ts";
import { choice, optional } from "../train/form/tools.ts";
import type { Form } from "./tools.ts";

/** The conditions of one question, and how they change. */
interface Part {
  readonly form: Form;
  /** Of the question, a JSON pointer. */
  readonly pointer: string;
  readonly offered: readonly Column[];
  now(): readonly Condition[];
  change(make: (now: readonly Condition[]) => readonly Condition[]): void;
}

export function conditions(form: Form, at: number): HTMLElement | undefined {
  const offered = form.market.columns.filter(canBeAsked);
  const [first] = offered;
  if (!first) return undefined;
  const part: Part = {
    form,
    pointer: `/statistics/${at}/where`,
    offered,
    now: () => form.spec().statistics[at]?.where ?? [],
    change: (make) =>
      form.change((spec) => {
        const statistic = spec.statistics[at];
        if (!statistic) return spec;
        return { ...spec, statistics: spec.statistics.with(at, withConditions(statistic, make(statistic.where ?? []))) };
      }),
  };
  const many = derived(() => part.now().length);
  return h(
    "div",
    { class: "conditions" },
    () => Array.from({ length: many() }, (_, place) => condition(part, place)),
    h("p", { class: "wrong", role: "alert" }, form.wrong(part.pointer)),
    h(
      "button",
      {
        type: "button",
        class: "ghost",
        disabled: () => many() >= MAX_CONDITIONS,
        onclick: () => part.change((all) => [...all, conditionOn(first)]),
      },
      () => (many() === 0 ? "Only some of the rows …" : "Add a condition"),
    ),
  );
}

function condition(part: Part, place: number): HTMLElement {
  const { offered, now, change } = part;
  const column = derived(() => now()[place]?.column ?? "");
  const choose = (name: string): void => {
    const other = offered.find((one) => one.name === name);
    if (other) change((all) => all.with(place, conditionOn(other)));
  };
  const remove = (): void => change((all) => all.filter((_, at) => at !== place));
  return h(
    "div",
    { class: "grid", role: "group", "aria-label": `Condition ${place + 1}` },
    choice({ label: "Only rows with" }, offered.map(({ name }) => [name, name] as const), column, choose),
    () => {
      const type = offered.find(({ name }) => name === column())?.type;
      if (type?.kind === "category") return categories(part, place, type.values);
      return type?.kind === "number" ? bounds(part, place) : undefined;
    },
    h(
      "div",
      { class: "row" },
      h("button", { type: "button", class: "small", "aria-label": `Remove condition ${place + 1}`, onclick: remove }, "Remove condition"),
    ),
  );
}

function set({ change }: Part, place: number, make: (now: Condition) => Condition): void {
  change((all) => all.map((one, at) => (at === place ? make(one) : one)));
}

function categories(part: Part, place: number, values: readonly string[]): HTMLElement {
  const meant = (): readonly string[] => part.now()[place]?.any_of ?? [];
  const toggle = (value: string, on: boolean): void =>
    set(part, place, (now) => {
      const others = (now.any_of ?? []).filter((one) => one !== value);
      return { ...now, any_of: on ? [...others, value] : others };
    });
  const box = (value: string): HTMLElement =>
    h(
      "label",
      null,
      h("input", {
        type: "checkbox",
        checked: () => meant().includes(value),
        onchange: (event: Event) => toggle(value, (event.target as HTMLInputElement).checked),
      }),
      value,
    );
  return h("div", { class: "columns-list", role: "group", "aria-label": "Any of these categories" }, values.map(box));
}

/** A bound that is left empty is none. */
function bounds(part: Part, place: number): Child {
  const start = untracked(() => part.now()[place]);
  const put = (name: "at_least" | "below", value: number | undefined): void =>
    set(part, place, ({ [name]: _, ...rest }) => ({ ...rest, ...(value !== undefined && { [name]: value }) }) as Condition);
  return [
    optional({ label: "At least" }, start?.at_least, (value) => put("at_least", value)),
    optional({ label: "Below" }, start?.below, (value) => put("below", value)),
  ];
}
