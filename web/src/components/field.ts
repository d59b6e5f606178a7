/** Labelled inputs. */

import { type Attributes, type Child, h } from "../h.ts";

let next = 0;

interface Options {
  label: string;
  /** What to put in, under the input. */
  hint?: Child;
  /** What is wrong with it at the moment. */
  wrong?: () => string | undefined;
}

/** A label, an input, a hint and an error that belong together for a screen reader as well. */
export function field({ label, hint, wrong }: Options, input: HTMLElement): HTMLElement {
  const id = `field-${(next += 1)}`;
  input.id = id;
  const described = [hint !== undefined && `${id}-hint`, wrong && `${id}-wrong`].filter(Boolean).join(" ");
  if (described) input.setAttribute("aria-describedby", described);
  return h(
    "div",
    { class: "field" },
    h("label", { for: id }, label),
    input,
    hint !== undefined && h("p", { class: "hint", id: `${id}-hint` }, hint),
    wrong && h("p", { class: "wrong", id: `${id}-wrong`, role: "alert" }, wrong),
  );
}

export function select(
  options: readonly (readonly [string, string])[],
  attributes: Attributes & { value?: string },
): HTMLSelectElement {
  const { value, ...rest } = attributes;
  return h(
    "select",
    rest,
    options.map(([name, text]) => h("option", { value: name, selected: name === value }, text)),
  );
}

/** The text of the input that an event is of. */
export function typed(event: Event): string {
  return (event.target as HTMLInputElement).value;
}
