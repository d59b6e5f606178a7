import { expect, test } from "vitest";

import { checkTable } from "../src/table/check.ts";
import { CsvReader, EndlessField } from "../src/table/csv.ts";
import { inWords, TableFaults } from "../src/table/faults.ts";
import { inferColumns } from "../src/table/infer.ts";
import { Random } from "../tools/random.ts";

function rows(pieces: string[]): [number, ...string[]][] {
  const found: [number, ...string[]][] = [];
  const reader = new CsvReader((row, line) => found.push([line, ...row]));
  for (const piece of pieces) reader.push(piece);
  reader.end();
  return found;
}

test("rows, cells and the lines on which they start", () => {
  const text = 'a,b\r\n1,"x ""y"", z"\n\n\r\n"line\r\nbreak",\r,last';
  expect(rows([text])).toEqual([
    [1, "a", "b"],
    [2, "1", 'x "y", z'],
    [5, "line\r\nbreak", ""],
    [7, "", "last"],
  ]);
});

test("it does not matter where the text is cut", () => {
  const random = new Random();
  for (let count = 0; count < 500; count++) {
    const text = Array.from({ length: random.below(50) }, () => random.one(['"', ",", "\n", "\r", "a", "b c"])).join("");
    const whole = rows([text]);
    expect(rows([...text]), `seed ${random.seed}`).toEqual(whole);
    const cut = random.below(text.length + 1);
    expect(rows([text.slice(0, cut), text.slice(cut)]), `seed ${random.seed}`).toEqual(whole);
  }
});

test("a quote that nothing closes does not fill the memory", () => {
  const reader = new CsvReader(() => undefined);
  reader.push('a\n"');
  const pieces = () => {
    for (let count = 0; count < 100; count++) reader.push("x".repeat(100_000));
  };
  expect(pieces).toThrow(EndlessField);
});

async function words(check: Promise<unknown>): Promise<string[]> {
  const error = await check.then(() => undefined, (error: unknown) => error);
  expect(error).toBeInstanceOf(TableFaults);
  return (error as TableFaults).faults.map(inWords);
}

test("faults say where they are and what to do", async () => {
  const file = new Blob(["size,kind\n7,a\n,b\nlarge,c\n"]);
  const columns = [
    { name: "size", type: { kind: "number", min: 0, max: 9 } },
    { name: "kind", type: { kind: "category", values: ["a", "b"] } },
  ] as const;
  const found = await words(checkTable(file, columns.map((column) => structuredClone(column) as never), 0));
  expect(found).toEqual([
    'row 2 (line 3), column "size": the value is missing; fill it in, or drop the row or the column',
    'row 3 (line 4), column "size": "large" is not a number; correct it, or make the column a category',
    'row 3 (line 4), column "kind": "c" is not among the declared categories; add it to them, or correct the cell',
  ]);
  const headers = await words(checkTable(new Blob(["kind,size\na,1\n"]), structuredClone(columns) as never, 0));
  expect(headers[0]).toMatch(/another order/);
  const latin1 = new Blob([new Uint8Array([97, 10, 49, 10, 0xe4, 10])]);
  expect((await words(inferColumns(latin1, { categories: [], keys: [] })))[0]).toMatch(/not UTF-8 text; save the file as UTF-8/);
  const open = new Blob(['a\n1\n"', "x".repeat(3 << 20)]);
  expect((await words(inferColumns(open, { categories: [], keys: [] })))[0]).toMatch(/^row 2 \(line 3\): a cell begins with a quote/);
});

test("the first rows can be chosen from", async () => {
  const file = new Blob(["a,b\n1,x\n2,y\n3,x\n"]);
  const columns = await inferColumns(file, { categories: [], keys: [] });
  expect(await checkTable(file, columns, 2)).toEqual({ rows: 3, first: [["1", "x"], ["2", "y"]] });
});
