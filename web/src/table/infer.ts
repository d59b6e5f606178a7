/**
 * A proposal of column declarations from the table itself, the same as the command line's. Declarations are public. Bounds
 * are therefore rounded outward, and even so they tell a little about the rows.
 */

import type { Column } from "../document.ts";
import { outward } from "./bounds.ts";
import { Faults, shown } from "./faults.ts";
import { isMissing, number } from "./number.ts";
import { readTable } from "./read.ts";

/** Most different texts that a column may hold to pass as a category. */
const MAX_CATEGORIES = 100;

/** What is known of a column so far. */
interface Seen {
  min: number;
  max: number;
  numbers: boolean;
  texts: Set<string>;
  firstText: { row: number; line: number; cell: string } | null;
}

/** What the publisher says of columns by name. */
export interface Named {
  /** Categories, even if they hold numbers. */
  readonly categories: readonly string[];
  /** What says whose row it is. */
  readonly keys: readonly string[];
}

/**
 * Proposes a declaration for every column: all numbers, then bounds; all texts, and few of them, then categories, else keys.
 * Those that are named are what they are named.
 *
 * Throws `TableFaults` for missing values, columns that mix numbers and texts, the same text in every row, and categories with
 * too many different values.
 */
export async function inferColumns(
  file: Blob,
  named: Named,
  progress?: (bytes: number) => void,
): Promise<Column[]> {
  const faults = new Faults();
  let names: string[] = [];
  let seen: Seen[] = [];
  let asked: ("category" | "key" | undefined)[] = [];
  await readTable(file, faults, {
    header(found) {
      names = found;
      checkNames(names, faults);
      for (const name of [...named.categories, ...named.keys].filter((name) => !names.includes(name))) {
        faults.add(0, 1, name, "is to be a category or a key and is not in the table; correct the name");
      }
      seen = names.map(() => ({ min: Infinity, max: -Infinity, numbers: false, texts: new Set(), firstText: null }));
      asked = names.map((name) => (named.keys.includes(name) ? "key" : named.categories.includes(name) ? "category" : undefined));
      return true;
    },
    row(cells, { row, line }) {
      for (const [at, cell] of cells.entries()) {
        const column = seen[at] as Seen;
        const value = asked[at] ? undefined : number(cell);
        if (value !== undefined) {
          column.numbers = true;
          if (value < column.min) column.min = value;
          if (value > column.max) column.max = value;
        } else if (isMissing(cell)) {
          faults.add(row, line, names[at] ?? null, "the value is missing; fill it in, or drop the row or the column");
        } else if (asked[at] !== "key") {
          column.firstText ??= { row, line, cell };
          // One more than allowed is enough to know that they are too many.
          if (column.texts.size <= MAX_CATEGORIES) column.texts.add(cell);
        }
      }
    },
    progress,
  });
  faults.finish();
  const columns = names.flatMap((name, at) => declare(name, seen[at] as Seen, asked[at], faults));
  faults.finish();
  return columns;
}

function checkNames(names: readonly string[], faults: Faults): void {
  const before = new Set<string>();
  for (const [at, name] of names.entries()) {
    if (isMissing(name)) faults.add(0, 1, null, `column ${at + 1} has no name; give it one in the header`);
    else if (before.has(name)) faults.add(0, 1, name, "is in the header twice; rename one");
    before.add(name);
  }
}

function declare(name: string, { min, max, numbers, texts, firstText }: Seen, asked: "category" | "key" | undefined, faults: Faults): Column[] {
  if (asked === "key") return [{ name, type: { kind: "key" } }];
  if (firstText === null) return [{ name, type: { kind: "number", ...outward(min, max) } }];
  if (numbers) {
    const text = `"${shown(firstText.cell)}" is not a number, and other cells of this column are; correct it, or make the column a category`;
    faults.add(firstText.row, firstText.line, name, text);
  } else if (texts.size === 1) {
    faults.add(0, 1, name, "holds the same text in every row, which nothing can be learnt from; drop the column");
  } else if (texts.size > MAX_CATEGORIES && asked === "category") {
    faults.add(0, 1, name, `holds more than ${MAX_CATEGORIES} different texts, which is no category to learn from; drop the column, or make it a key`);
  } else if (texts.size > MAX_CATEGORIES) {
    // Names, numbers of patients, remarks: nothing to learn from.
    return [{ name, type: { kind: "key" } }];
  } else {
    return [{ name, type: { kind: "category", values: [...texts].sort(byCharacters) } }];
  }
  return [];
}

/** By Unicode characters, where plain comparison goes by halves of those beyond 16 bits. */
function byCharacters(a: string, b: string): number {
  const [left, right] = [[...a], [...b]];
  for (let at = 0; at < Math.min(left.length, right.length); at++) {
    const difference = (left[at]?.codePointAt(0) ?? 0) - (right[at]?.codePointAt(0) ?? 0);
    if (difference !== 0) return difference;
  }
  return left.length - right.length;
}
