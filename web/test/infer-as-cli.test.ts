import { afterAll, beforeAll, expect, test } from "vitest";

import { canonical } from "../src/canonical.ts";
import type { Column } from "../src/document.ts";
import { checkTable } from "../src/table/check.ts";
import { TableFaults } from "../src/table/faults.ts";
import { inferColumns, type Named } from "../src/table/infer.ts";
import { Cli, type Verdict } from "../tools/cli.ts";
import { Random } from "../tools/random.ts";

/** The first run builds the command line. */
const MINUTES = 1_200_000;

const random = new Random();
let cli: Cli;
beforeAll(async () => {
  cli = await Cli.build();
}, MINUTES);
afterAll(() => cli.end());

async function ours(table: string, named: Named): Promise<{ columns?: Column[]; rows: number; faults?: TableFaults }> {
  const file = new Blob([table]);
  try {
    const columns = await inferColumns(file, named);
    return { columns, rows: (await checkTable(file, columns, 0)).rows };
  } catch (error) {
    if (error instanceof TableFaults) return { rows: 0, faults: error };
    throw error;
  }
}

/** Both say the same: columns to the last digit, or the same faults at the same places. */
async function compare(table: string, given: Partial<Named> = {}): Promise<Verdict> {
  const named = { categories: [], keys: [], ...given };
  const [theirs, mine] = [await cli.verdict(table, named), await ours(table, named)];
  const told = `seed ${random.seed}, table ${JSON.stringify(table.slice(0, 2000))}`;
  // As they are published: canonical JSON knows no minus zero.
  expect(canonical(mine.columns ?? null), told).toBe(canonical(theirs.columns ?? null));
  expect(mine.rows, told).toBe(theirs.rows);
  const listed = mine.faults?.faults ?? [];
  const more = (mine.faults?.total ?? 0) - listed.length;
  expect(theirs.faults.length, `${told}: ${theirs.faults}`).toBe(listed.length + (more > 0 ? 1 : 0));
  if (more > 0) expect(theirs.faults.at(-1)).toBe(`… and ${more} more`);
  for (const [at, { row, column }] of listed.entries()) {
    const place = row > 0 ? new RegExp(`^row ${row} \\(line`) : /^(?!row)/;
    expect(theirs.faults[at], told).toMatch(place);
    expect(theirs.faults[at]?.includes("column `"), told).toBe(column !== null);
    if (column !== null) expect(theirs.faults[at], told).toContain(`column \`${column}\``);
  }
  return theirs;
}

const NUMBERS = ["1", "-2.5", "+7", ".5", "5.", "1e3", "2E-4", "-0", "0.1", " 12 ", "\t3", "1e-320", "1.7e308", "007", "99999999999999999999"];
const NEARLY = ["NaN", "inf", "1,5", "0x10", "1_000", "1e", "e1", ".", "+", "--1", "1e400", "\u00a01", "٣", "1f", "\v1"];
const TEXTS = ["a", "b", "B", "ä", "𝒳", "\uffee", "two words", 'say "so"', "a,b", "line\nbreak", " a", "a ", "'"];
const MISSING = ["", " ", "\u00a0", "\u2003", "\u0085", "\t"];

test("tables like those that people have", { timeout: MINUTES }, async () => {
  let [sound, faulty] = [0, 0];
  for (let count = 0; count < 200; count++) {
    const width = 1 + random.below(5);
    const pools = Array.from({ length: width }, () =>
      random.one([NUMBERS, NUMBERS, TEXTS, TEXTS.slice(0, 1 + random.below(4)), [...NUMBERS, ...NEARLY], "numbers" as const]),
    );
    const cell = (pool: (typeof pools)[number]) => {
      if (random.below(400) === 0) return random.one(MISSING);
      if (pool !== "numbers") return random.one(pool);
      return String((random.next() - 2 ** 31) / 10 ** random.below(12));
    };
    const end = random.one(["\n", "\r\n", "\r"]);
    const quote = (text: string) => (/[",\r\n]/.test(text) || random.below(9) === 0 ? `"${text.replaceAll('"', '""')}"` : text);
    const rows = Array.from({ length: 1 + random.below(40) }, () => pools.map((pool) => quote(cell(pool))).join(","));
    const header = pools.map((_, at) => `c${at}`).join(",");
    const table = `${random.one(["", "", "\ufeff"])}${[header, ...rows].join(end)}${random.one(["", end, end + end])}`;
    const verdict = await compare(table, { categories: random.below(4) === 0 ? ["c0"] : [], keys: width > 1 && random.below(4) === 0 ? ["c1"] : [] });
    if (verdict.faults.length > 0) faulty++;
    else sound++;
  }
  expect(Math.min(sound, faulty), `seed ${random.seed}`).toBeGreaterThan(20);
});

test("anything that a parser may stumble over", { timeout: MINUTES }, async () => {
  for (let count = 0; count < 300; count++) {
    const soup = Array.from({ length: random.below(60) }, () => random.one(['"', '"', ",", ",", "\n", "\r", "1", "a", " ", "ä"]));
    await compare(`a,b\n${soup.join("")}`);
  }
});

test("headers and files that are none", { timeout: MINUTES }, async () => {
  const tables = ["", "\n\n", "a,b", "a,b\n", "a,a\n1,2\n", ",b\n1,2\n", '"",b\n1,2\n', '""\n1\n', "a\n\n1\n", "a,b\n1,2,3\n4\n", '"a""b",c\n1,2\n2,3\n'];
  for (const table of tables) await compare(table);
  await compare("size,sick\n7,0\n8,1\n", { categories: ["sick"] });
  await compare("id,sick\n7,0\nb,1\n", { keys: ["id"] });
  await compare("id,sick\n7,0\n,1\n", { keys: ["id"] });
  await compare("size,sick\n7,0\n8,1\n", { categories: ["sickness"] });
  await compare("size,sick\n7,0\n8,1\n", { keys: ["sickness"] });
  const words = (count: number) => `note\n${Array.from({ length: count }, (_, at) => `w${at}x`).join("\n")}`;
  for (const count of [99, 100, 101, 150]) {
    await compare(words(count));
    await compare(words(count), { categories: ["note"] });
  }
  await compare(`a\n${"1\n".repeat(3)}${"x".repeat(65_537)}\n`);
  await compare(`a,b\n${"1,x\n".repeat(20)}${",x\n".repeat(30)}`);
});

test("bounds, to the last digit", { timeout: MINUTES }, async () => {
  const columns: string[][] = [["1e300", "1.1e300"], ["-1e-320", "1e-320"], ["0", "2.2250738585072014e-308"], ["-1.7976931348623157e308", "1.7976931348623157e308"]];
  // Every power of ten, exactly and a little beside, where logarithms and powers are rounded.
  for (let exponent = -308; exponent <= 307; exponent++) {
    for (const factor of [1, 0.9999999999999999, 1.0000000000000002, 3.7]) columns.push(["0", String(factor * Number(`1e${exponent}`))]);
  }
  for (let count = 0; count < 1500; count++) {
    const scale = 10 ** (random.below(40) - 20);
    const middle = (random.next() - 2 ** 31) * scale;
    columns.push([String(middle), String(middle + random.next() * scale * 10 ** -random.below(12))]);
  }
  const header = columns.map((_, at) => `c${at}`).join(",");
  for (let from = 0; from < columns.length; from += 1000) {
    const some = columns.slice(from, from + 1000);
    await compare(`${header.split(",").slice(from, from + 1000).join(",")}\n${some.map(([a]) => a).join(",")}\n${some.map(([, b]) => b).join(",")}\n`);
  }
});
