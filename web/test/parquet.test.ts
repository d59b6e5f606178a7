import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";

import { checkTable } from "../src/table/check.ts";
import { inferColumns } from "../src/table/infer.ts";
import { parquetToCsv, UnreadableParquet } from "../src/table/parquet.ts";

/** Written by pyarrow; see `tools/tables.py`. */
async function table(name: string): Promise<Blob> {
  return new Blob([await readFile(new URL(`tables/${name}`, import.meta.url))]);
}

test("every kind of column and compression comes out as the CSV of the library that wrote it", async () => {
  const expected = await (await table("table.csv")).text();
  for (const compression of ["none", "snappy", "gzip", "zstd", "lz4"]) {
    const seen: number[] = [];
    const csv = await parquetToCsv(await table(`${compression}.parquet`), (rows) => seen.push(rows));
    expect(await csv.text(), compression).toBe(expected);
    // Three groups of rows: no more is held at a time.
    expect(seen).toEqual([128, 256, 300]);
  }
});

test("its schema is inferred as that of any table", async () => {
  const csv = await parquetToCsv(await table("snappy.parquet"));
  const columns = await inferColumns(csv, { categories: [], keys: [] });
  expect(columns.map(({ type }) => type.kind)).toEqual([
    ...["number", "number", "number", "number", "number"],
    ...["category", "category", "category"],
  ]);
  expect(columns[6]).toEqual({ name: "smoker", type: { kind: "category", values: ["false", "true"] } });
  expect((await checkTable(csv, columns, 1)).rows).toBe(300);
});

test("what is missing is an empty cell, whether null or not a number", async () => {
  expect(await (await parquetToCsv(await table("missing.parquet"))).text()).toBe("a,b\n1.5,x\n,y\n,\n");
});

test("what can not be read says why and what to do", async () => {
  const refused = async (file: Blob) => {
    const error = await parquetToCsv(file).then(() => undefined, (error: unknown) => error);
    expect(error).toBeInstanceOf(UnreadableParquet);
    return (error as Error).message;
  };
  expect(await refused(await table("lists.parquet"))).toMatch(/column "a" holds lists/);
  expect(await refused(await table("brotli.parquet"))).toMatch(/BROTLI.*Save the table as CSV/);
  expect(await refused(new Blob(["not a table at all"]))).toMatch(/can not be read/);
  const cut = await table("snappy.parquet");
  expect(await refused(cut.slice(0, 4000))).toMatch(/can not be read/);
});
