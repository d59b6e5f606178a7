/** The declared columns, each with a sketch of the sample rows; the one that the publisher would predict is marked. */

import { sketch } from "../../components/chart.ts";
import type { Column } from "../../document.ts";
import { figure } from "../../format.ts";
import { h } from "../../h.ts";

const BINS = 12;
/** Categories that are named; of more, the rest is counted. */
const NAMED = 6;
const KINDS = { number: "Number", category: "Category", image: "Image", key: "Key" };

/** Size of an image. */
export function inWords({ height, width, channels }: { height: number; width: number; channels: number }): string {
  return `${width} × ${height} pixels${channels === 1 ? "" : ` of ${channels} channels`}`;
}

export function schema(columns: readonly Column[], rows: readonly (readonly string[])[], target?: Column): HTMLElement {
  const described = columns.some(({ description }) => description);
  return h(
    "div",
    { class: "scroll", tabindex: "0", role: "region", "aria-label": "Columns" },
    h(
      "table",
      null,
      h(
        "thead",
        null,
        h(
          "tr",
          null,
          ["Column", "Type", "Declared values", rows.length > 0 && "In the sample", described && "Meaning"]
            .filter(Boolean)
            .map((name) => h("th", { scope: "col" }, String(name))),
        ),
      ),
      h(
        "tbody",
        null,
        columns.map((column, at) =>
          h(
            "tr",
            null,
            h("th", { scope: "row" }, column.name, column === target && h("div", null, h("span", { class: "state" }, "To predict"))),
            h("td", null, KINDS[column.type.kind]),
            h("td", null, values(column)),
            rows.length > 0 &&
              h(
                "td",
                null,
                distribution(
                  column,
                  rows.map((row) => row[at] ?? ""),
                ),
              ),
            described && h("td", null, column.description),
          ),
        ),
      ),
    ),
    rows.length === 0 &&
      h(
        "p",
        { class: "quiet" },
        "Values outside the declared bounds are moved to the nearest bound before a model sees them.",
      ),
  );
}

function values({ type }: Column): string {
  if (type.kind === "number") return `${figure(type.min)} to ${figure(type.max)}`;
  if (type.kind === "image") return inWords(type);
  if (type.kind === "key") return "Whose row it is; never shown";
  const [shown, rest] = [type.values.slice(0, NAMED), type.values.length - NAMED];
  return shown.join(", ") + (rest > 0 ? ` and ${rest} more` : "");
}

function distribution({ name, type }: Column, cells: readonly string[]): SVGElement | undefined {
  if (type.kind === "image" || type.kind === "key") return undefined;
  if (type.kind === "category") {
    return sketch(
      name,
      type.values.map((value) => [value, cells.filter((cell) => cell === value).length] as const),
    );
  }
  const width = (type.max - type.min) / BINS || 1;
  const counts = new Array<number>(BINS).fill(0);
  for (const cell of cells) {
    const bin = Math.floor((Number(cell) - type.min) / width);
    const kept = Math.min(BINS - 1, Math.max(0, bin));
    counts[kept] = (counts[kept] ?? 0) + 1;
  }
  return sketch(
    name,
    counts.map(
      (count, at) => [`${figure(type.min + at * width)} to ${figure(type.min + (at + 1) * width)}`, count] as const,
    ),
  );
}
