/** Holds every cell of a table against the declared columns, by the rules of the provider's worker. */

import type { Column, ColumnKind } from "../document.ts";
import { Faults, shown } from "./faults.ts";
import { isMissing, number } from "./number.ts";
import { readTable } from "./read.ts";

/** What a check found out. */
export interface Checked {
  /** Rows below the header. */
  rows: number;
  /** The first rows, as many as were asked for. */
  first: string[][];
}

/** Throws `TableFaults` for missing values, texts in number columns, undeclared categories and other headers. */
export async function checkTable(
  file: Blob,
  columns: readonly Column[],
  firstRows: number,
  progress?: (bytes: number) => void,
): Promise<Checked> {
  const faults = new Faults();
  const first: string[][] = [];
  const rules = columns.map(({ type }) => ruleOf(type));
  const rows = await readTable(file, faults, {
    header: (names) => sameNames(names, columns, faults),
    row(cells, { row, line }) {
      for (const [at, cell] of cells.entries()) {
        const fault = rules[at]?.(cell);
        if (fault !== undefined) faults.add(row, line, columns[at]?.name ?? null, fault);
      }
      if (first.length < firstRows) first.push(cells);
    },
    progress,
  });
  faults.finish();
  return { rows, first };
}

function sameNames(names: readonly string[], columns: readonly Column[], faults: Faults): boolean {
  const declared = columns.map(({ name }) => name);
  if (names.length === declared.length && names.every((name, at) => name === declared[at])) return true;
  const before = faults.total;
  for (const name of names.filter((name) => !declared.includes(name))) {
    faults.add(0, 1, name, "is in the table and not among the declared columns; declare it or drop it");
  }
  for (const name of declared.filter((name) => !names.includes(name))) {
    faults.add(0, 1, name, "is declared and not in the table; add it or do not declare it");
  }
  if (faults.total === before) {
    faults.add(0, 1, null, "the columns are declared in another order than the table's; use the table's order");
  }
  return false;
}

/** What is wrong with a cell of this kind, if anything. */
function ruleOf(kind: ColumnKind): (cell: string) => string | undefined {
  const missing = "the value is missing; fill it in, or drop the row or the column";
  if (kind.kind === "number") {
    return (cell) => {
      if (number(cell) !== undefined) return undefined;
      return isMissing(cell) ? missing : `"${shown(cell)}" is not a number; correct it, or make the column a category`;
    };
  }
  if (kind.kind === "image") return () => "images can be in Parquet only";
  if (kind.kind === "key") return (cell) => (isMissing(cell) ? missing : undefined);
  const values = new Set(kind.values);
  return (cell) => {
    if (isMissing(cell)) return missing;
    return values.has(cell) ? undefined : `"${shown(cell)}" is not among the declared categories; add it to them, or correct the cell`;
  };
}
