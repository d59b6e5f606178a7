/** The declared columns: proposed from the table, corrected by who knows the data. They are public. */

import { hint } from "../../components/notice.ts";
import { field, select, typed } from "../../components/field.ts";
import type { Column } from "../../document.ts";
import { count } from "../../format.ts";
import { h } from "../../h.ts";
import { canBePredicted } from "../../job/spec.ts";
import { type Draft, wrongOf } from "../../publish/draft.ts";
import { untracked } from "../../signal.ts";
import type { Read } from "./file.ts";

export function columns(draft: Draft, read: () => Read | undefined): HTMLElement {
  return h("div", null, () => {
    if (!draft.table()) return later("2. The columns");
    const now = untracked(draft.columns);
    return h(
      "section",
      { "aria-labelledby": "columns-title" },
      h("h2", { id: "columns-title" }, "2. The columns"),
      hint(
        "Everyone can see these bounds and categories. They were proposed from the table and rounded outward, and still tell a little about the ",
        "largest and smallest values. Write what is known of the subject instead, like 0 to 120 for an age.",
      ),
      h(
        "div",
        { class: "scroll" },
        h(
          "table",
          { class: "declare" },
          h("caption", { class: "sr" }, "Declared columns"),
          h("thead", null, h("tr", null, ["Column", "Holds", "Bounds or categories", "In words"].map((name) => h("th", { scope: "col" }, name)))),
          h("tbody", null, now.map((column, at) => row(draft, column, at, read))),
        ),
      ),
      target(draft, now),
    );
  });
}

/** A step that needs the table. */
export function later(title: string): HTMLElement {
  return h("section", null, h("h2", null, title), h("p", { class: "quiet" }, "Choose a table first."));
}

function target(draft: Draft, columns: readonly Column[]): HTMLElement {
  const options = [["", "I do not say"], ...columns.filter(canBePredicted).map(({ name }) => [name, name] as const)] as const;
  return field(
    {
      label: "What buyers most likely want to predict",
      hint: "It is marked on the data set's page, and suggested to who trains a model. Any other column can be predicted as well.",
    },
    select(options, { value: untracked(draft.target), onchange: (event: Event) => draft.target.set(typed(event)) }),
  );
}

function row(draft: Draft, column: Column, at: number, read: () => Read | undefined): HTMLElement {
  const change = (make: (column: Column) => Column): void =>
    draft.columns.update((all) => all.map((one, index) => (index === at ? make(one) : one)));
  const describe = (text: string): void =>
    change(({ description: _, ...rest }) => (text.trim() === "" ? rest : { ...rest, description: text.trim() }));
  return h(
    "tr",
    null,
    h("th", { scope: "row" }, column.name),
    h("td", null, kind(draft, column, read)),
    h("td", null, column.type.kind === "number" ? bounds(column, change) : categories(column, change), column.type.kind === "key" && h("p", { class: "hint" }, "Never shown, and nothing is learnt from it."), h("p", { class: "wrong", role: "alert" }, () => wrong(draft, at))),
    h("td", null, h("input", { "aria-label": `${column.name} in words`, value: column.description ?? "", placeholder: "optional", oninput: (event: Event) => describe(typed(event)) })),
  );
}

function wrong(draft: Draft, at: number): string | undefined {
  const column = draft.columns()[at];
  return column && wrongOf(column);
}

/** Numbers can be categories, and both can be keys; texts can not be numbers. */
function kind(draft: Draft, column: Column, read: () => Read | undefined): HTMLElement {
  const isText = column.type.kind === "category" && !column.type.values.every((value) => Number.isFinite(Number(value)));
  const again = (kind: string): void => {
    const before = untracked(draft.columns);
    const those = (wanted: string): string[] =>
      before.filter(({ name, type }) => (name === column.name ? kind : type.kind) === wanted).map(({ name }) => name);
    void read()?.({ categories: those("category"), keys: those("key") }, before);
  };
  return h(
    "select",
    { "aria-label": `What ${column.name} holds`, onchange: (event: Event) => again(typed(event)) },
    h("option", { value: "number", selected: column.type.kind === "number", disabled: isText }, "Numbers"),
    h("option", { value: "category", selected: column.type.kind === "category" }, "Categories"),
    h("option", { value: "key", selected: column.type.kind === "key" }, "A key: whose row it is"),
  );
}

type Change = (make: (column: Column) => Column) => void;

function bounds({ name, type }: Column, change: Change): HTMLElement {
  if (type.kind !== "number") return h("div");
  const input = (which: "min" | "max", label: string): HTMLElement =>
    h("input", {
      "aria-label": `${label} bound of ${name}`,
      inputmode: "decimal",
      value: type[which],
      oninput: (event: Event) => {
        const value = typed(event).trim() === "" ? Number.NaN : Number(typed(event));
        change((now) => (now.type.kind === "number" ? { ...now, type: { ...now.type, [which]: value } } : now));
      },
    });
  return h("div", { class: "bounds" }, input("min", "Lower"), h("span", null, "to"), input("max", "Upper"));
}

function categories({ name, type }: Column, change: Change): HTMLElement {
  if (type.kind !== "category") return h("div");
  return h(
    "details",
    null,
    h("summary", null, `${count(type.values.length)} categories`),
    h("textarea", {
      "aria-label": `Categories of ${name}, one a line`,
      rows: Math.min(8, type.values.length + 1),
      value: type.values.join("\n"),
      oninput: (event: Event) => {
        const values = typed(event).split("\n").filter((value) => value.trim() !== "");
        change((now) => ({ ...now, type: { kind: "category", values } }));
      },
    }),
  );
}
