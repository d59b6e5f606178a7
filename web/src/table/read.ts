/** Reading a CSV file from its start to its end, with the limits of the provider's worker. */

import { CsvReader, EndlessField } from "./csv.ts";
import type { Faults } from "./faults.ts";

/** Most columns of a table. */
const MAX_COLUMNS = 4096;
/** Longest field in bytes of UTF-8. */
const MAX_FIELD = 64 * 1024;
/** Longest row in bytes of UTF-8. */
const MAX_ROW = 1024 * 1024;

/** Where a row is. */
export interface Place {
  /** Number of the row below the header, from 1. */
  row: number;
  line: number;
}

/** What is done with the header and with each sound row. */
export interface Visitor {
  /** Says whether to go on. */
  header(names: string[]): boolean;
  row(cells: string[], place: Place): void;
  /** Called now and then with the bytes read so far. */
  progress?: ((bytes: number) => void) | undefined;
}

/** Reads a table. Faults of form go to `faults`. Returns the number of rows below the header. */
export async function readTable(file: Blob, faults: Faults, visitor: Visitor): Promise<number> {
  let names: string[] | undefined;
  let [rows, goesOn] = [0, true];
  const reader = new CsvReader((cells, line) => {
    if (!goesOn) return;
    if (names === undefined) {
      names = cells;
      goesOn = header(names, faults, visitor);
      return;
    }
    rows += 1;
    visit(cells, names, { row: rows, line }, faults, visitor);
    goesOn = !faults.isHopeless;
  });
  try {
    await feed(file, reader, visitor, () => goesOn);
  } catch (error) {
    if (error instanceof EndlessField) {
      faults.add(rows + 1, error.line, null, "a cell begins with a quote that nothing closes; close it, or remove it");
    } else if (error instanceof TypeError) {
      faults.add(rows, 0, null, "what follows is not UTF-8 text; save the file as UTF-8");
    } else throw error;
    return rows;
  }
  if (names === undefined) faults.add(0, 1, null, "the file is empty; it needs a header line with the columns' names");
  else if (rows === 0 && goesOn) faults.add(0, 1, null, "the table has a header but no rows");
  return rows;
}

async function feed(file: Blob, reader: CsvReader, visitor: Visitor, goesOn: () => boolean): Promise<void> {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  const pieces = file.stream().getReader();
  let bytes = 0;
  try {
    while (goesOn()) {
      const { done, value } = await pieces.read();
      if (done) {
        reader.push(decoder.decode());
        reader.end();
        return;
      }
      bytes += value.length;
      reader.push(decoder.decode(value, { stream: true }));
      visitor.progress?.(bytes);
    }
  } finally {
    await pieces.cancel();
  }
}

function header(names: string[], faults: Faults, visitor: Visitor): boolean {
  if (names.length === 1 && names[0] === "") {
    faults.add(0, 1, null, "the file is empty; it needs a header line with the columns' names");
    return false;
  }
  if (names.length > MAX_COLUMNS) {
    faults.add(0, 1, null, `${names.length} columns are more than the ${MAX_COLUMNS} that are allowed`);
    return false;
  }
  return visitor.header(names);
}

function visit(cells: string[], names: string[], place: Place, faults: Faults, visitor: Visitor): void {
  const { row, line } = place;
  if (cells.length !== names.length) {
    const text = `${cells.length} cells where the header has ${names.length} columns; add or remove cells, or quote those with a comma`;
    faults.add(row, line, null, text);
    return;
  }
  const characters = cells.reduce((sum, cell) => sum + cell.length, 0);
  // A character is at most three bytes of UTF-8.
  if (characters * 3 > MAX_FIELD) {
    const sizes = cells.map(bytesOf);
    if (sizes.reduce((sum, size) => sum + size, 0) > MAX_ROW) {
      faults.add(row, line, null, "longer than 1 MiB; shorten it");
      return;
    }
    const long = sizes.findIndex((size) => size > MAX_FIELD);
    if (long >= 0) faults.add(row, line, names[long] ?? null, "longer than 64 KiB; shorten it");
  }
  visitor.row(cells, place);
}

function bytesOf(text: string): number {
  return new TextEncoder().encode(text).length;
}
