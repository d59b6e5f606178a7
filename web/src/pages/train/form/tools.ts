/** What the parts of the form share: the spec that they change, and fields of numbers. */

import { field, select, typed } from "../../../components/field.ts";
import type { AssetDocument, Column } from "../../../document.ts";
import { h } from "../../../h.ts";
import type { Broken } from "../../../job/check/rules.ts";
import type { JobSpec } from "../../../job/spec.ts";
import { effect, untracked } from "../../../signal.ts";
import type { Draft } from "../page.ts";

export interface Form {
  readonly draft: Draft;
  readonly market: AssetDocument["atoll:market"];
  /** Writes the whole spec anew; what the form can not show stays in it. */
  change(make: (spec: JobSpec) => JobSpec): void;
  /** What is wrong with a member, or with something in it. */
  wrong(pointer: string): () => string | undefined;
}

export function formOf(draft: Draft): Form {
  return {
    draft,
    market: draft.document["atoll:market"],
    change: (make) => draft.spec.update(make),
    wrong: wrongIn(draft.checked),
  };
}

/** What is wrong with a member, or with something in it, of what is checked so. */
export function wrongIn(checked: () => { readonly broken: readonly Broken[] }): Form["wrong"] {
  return (pointer) => () =>
    checked().broken.find((one) => one.pointer === pointer || one.pointer.startsWith(`${pointer}/`))?.message;
}

/** The column that is predicted. */
export function targetOf({ draft, market }: Form): Column | undefined {
  const { target } = draft.spec().data;
  return market.columns.find(({ name }) => name === target);
}

interface Options {
  readonly label: string;
  readonly hint?: string;
  readonly wrong?: () => string | undefined;
}

interface NumberOptions extends Options {
  /** No fractions, which a keyboard on glass need not offer. */
  readonly whole?: true;
}

/** A field of a number that has to be there. */
export function number(options: NumberOptions, value: number, put: (value: number) => void): HTMLElement {
  return field(options, input(options, Number.isNaN(value) ? "" : value, { oninput: (text) => put(numberIn(text)) }));
}

/** A field of a number that may be left empty. */
export function optional(
  options: NumberOptions,
  value: number | null | undefined,
  put: (value: number | undefined) => void,
): HTMLElement {
  const take = (text: string): void => put(text.trim() === "" ? undefined : Number(text));
  return field(options, input(options, value ?? "", { oninput: take }));
}

/** A field of several numbers, like `32, 16`, taken when it is left: half of a list would be another one. */
export function numbers(
  options: NumberOptions,
  values: readonly number[],
  put: (values: number[]) => void,
): HTMLElement {
  const take = (text: string): void =>
    put(
      text
        .split(/[,\s]+/)
        .filter(Boolean)
        .map(Number),
    );
  return field(options, input(options, values.join(", "), { onchange: take }));
}

/** A choice that follows the spec. Who lets its options change makes it anew. */
export function choice<T extends string>(
  options: Options,
  names: readonly (readonly [T, string])[],
  value: () => T,
  put: (value: T) => void,
): HTMLElement {
  const element = select(names, { value: untracked(value), onchange: (event: Event) => put(typed(event) as T) });
  effect(() => {
    element.value = value();
  });
  return field(options, element);
}

function input(
  { whole }: NumberOptions,
  value: string | number,
  { oninput, onchange }: { oninput?: (text: string) => void; onchange?: (text: string) => void },
): HTMLElement {
  return h("input", {
    inputmode: whole ? "numeric" : "decimal",
    value,
    ...(oninput && { oninput: (event: Event) => oninput(typed(event)) }),
    ...(onchange && { onchange: (event: Event) => onchange(typed(event)) }),
  });
}

/** No number where nothing is typed: an empty text would be 0. */
function numberIn(text: string): number {
  return text.trim() === "" ? Number.NaN : Number(text);
}
