/** What is wrong with a table, and where. */

/** Faults that are listed; the rest is counted. */
const LISTED = 10;
/** So many faults that reading on would tell nothing new. */
const HOPELESS = 10_000;

/** One thing that is wrong. */
export interface Fault {
  /** Number of the row below the header, from 1; 0 for the table as a whole. */
  row: number;
  /** Line of the file on which the row starts; 0 where there are no lines. */
  line: number;
  /** Name of the column, where it is about one. */
  column: string | null;
  /** What is wrong and what to do. */
  text: string;
}

/** Why a table can not be published: the first faults, and how many there are. */
export class TableFaults extends Error {
  constructor(
    readonly faults: readonly Fault[],
    readonly total: number,
  ) {
    super("The table can not be published as it is. Nothing has left this computer.");
    this.name = "TableFaults";
  }
}

/** Collects faults and keeps the first few. */
export class Faults {
  private readonly listed: Fault[] = [];
  total = 0;

  add(row: number, line: number, column: string | null, text: string): void {
    this.total += 1;
    if (this.listed.length < LISTED) this.listed.push({ row, line, column, text });
  }

  /** Throws `TableFaults` if there are any. */
  finish(): void {
    if (this.total > 0) throw new TableFaults(this.listed, this.total);
  }

  get isHopeless(): boolean {
    return this.total >= HOPELESS;
  }
}

/** A fault in words, with its place. */
export function inWords({ row, line, column, text }: Fault): string {
  const place = [
    row > 0 ? (line > 0 ? `row ${row} (line ${line})` : `row ${row}`) : "",
    column === null ? "" : `column "${column}"`,
  ];
  const known = place.filter((part) => part !== "").join(", ");
  return known === "" ? text : `${known}: ${text}`;
}

/** A cell short enough for a message. It is the publisher's own data on its own screen. */
export function shown(cell: string): string {
  const characters = [...cell.slice(0, 200)].filter((character) => !/[\p{Cc}\p{Cf}]/u.test(character));
  const text = characters.slice(0, 40).join("");
  return text.length < cell.length ? `${text}…` : text;
}
