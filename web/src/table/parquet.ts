/**
 * A Parquet file as CSV, which is what providers compute on. It comes with its own code, so it is loaded only when somebody
 * has such a file.
 */

import { decompress } from "fzstd";
import { parquetMetadataAsync, parquetRead, parquetSchema, type FileMetaData, type SchemaElement } from "hyparquet";
import { gunzip } from "hyparquet-compressors/src/gzip.js";
import { decompressLz4, decompressLz4Raw } from "hyparquet-compressors/src/lz4.js";

/** Rows whose text is held at a time. */
const ROWS = 4096;

/** Snappy is built in. */
const compressors = {
  GZIP: (input: Uint8Array, length: number) => gunzip(input, new Uint8Array(length)),
  ZSTD: (input: Uint8Array) => decompress(input),
  LZ4: decompressLz4,
  LZ4_RAW: decompressLz4Raw,
};

/** The file is not one that this page can read. */
export class UnreadableParquet extends Error {
  constructor(why: string) {
    super(`This Parquet file can not be read: ${why}. Save the table as CSV, or as Parquet with Snappy compression and plain columns.`);
    this.name = "UnreadableParquet";
  }
}

/** The same table as CSV, row by row. Throws `UnreadableParquet`. */
export async function parquetToCsv(file: Blob, progress?: (rows: number, of: number) => void): Promise<Blob> {
  try {
    const buffer = {
      byteLength: file.size,
      slice: (start: number, end?: number) => file.slice(start, end).arrayBuffer(),
    };
    const metadata = await parquetMetadataAsync(buffer);
    const columns = flatColumns(metadata);
    const parts: Blob[] = [new Blob([line(columns.map(({ name }) => name))])];
    // A group of rows is what such a file can be read in, and so the most that is held.
    let from = 0;
    for (const group of metadata.row_groups) {
      const count = Number(group.num_rows);
      const values = new Map(columns.map(({ name }) => [name, new Array<unknown>(count)]));
      await parquetRead({
        file: buffer,
        metadata,
        compressors,
        rowStart: from,
        rowEnd: from + count,
        onChunk({ columnName, columnData, rowStart }) {
          const column = values.get(columnName) ?? [];
          for (let at = 0; at < columnData.length; at++) column[rowStart - from + at] = columnData[at];
        },
      });
      for (let row = 0; row < count; row += ROWS) {
        const length = Math.min(ROWS, count - row);
        const text = Array.from({ length }, (_, at) =>
          line(columns.map((column) => cell(values.get(column.name)?.[row + at], column))),
        );
        parts.push(new Blob(text));
      }
      from += count;
      progress?.(from, Number(metadata.num_rows));
    }
    return new Blob(parts, { type: "text/csv" });
  } catch (error) {
    if (error instanceof UnreadableParquet) throw error;
    throw new UnreadableParquet(error instanceof Error ? error.message : String(error));
  }
}

function flatColumns(metadata: FileMetaData): SchemaElement[] {
  const names = new Set<string>();
  return parquetSchema(metadata).children.map(({ element, children }) => {
    if (names.has(element.name)) throw new UnreadableParquet(`two columns are called "${element.name}"`);
    names.add(element.name);
    if (children.length > 0 || element.repetition_type === "REPEATED") {
      throw new UnreadableParquet(`the column "${element.name}" holds lists or records and not single values`);
    }
    return element;
  });
}

function line(cells: readonly string[]): string {
  // A row that is one empty cell would look like no row at all.
  const text = cells.length === 1 && cells[0] === "" ? '""' : cells.map(quoted).join(",");
  return `${text}\n`;
}

function quoted(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function cell(value: unknown, column: SchemaElement): string {
  // Data frames write what is missing as "not a number".
  if (value === null || value === undefined || Number.isNaN(value)) return "";
  if (typeof value === "number") {
    if (column.converted_type === "DECIMAL") return value.toFixed(column.scale ?? 0);
    return column.type === "FLOAT" ? single(value) : String(value);
  }
  if (value instanceof Date) {
    const text = value.toISOString();
    return column.converted_type === "DATE" ? text.slice(0, 10) : text;
  }
  if (typeof value === "string" || typeof value === "bigint" || typeof value === "boolean") return String(value);
  throw new UnreadableParquet(`the column "${column.name}" holds values that are neither numbers nor texts`);
}

/** The shortest decimal that stands for this number of 32 bits, so that 0.1 stays 0.1. */
function single(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  for (let digits = 1; digits < 9; digits++) {
    const shorter = Number(value.toPrecision(digits));
    if (Math.fround(shorter) === value) return String(shorter);
  }
  return String(Number(value.toPrecision(9)));
}
