/** The table: dropped or chosen, read and understood here. Nothing of it is sent anywhere. */

import { failure, hint, loading } from "../../components/notice.ts";
import type { Column } from "../../document.ts";
import { bytes, count } from "../../format.ts";
import { h } from "../../h.ts";
import { namedTarget } from "../../job/spec.ts";
import type { Draft } from "../../publish/draft.ts";
import { onEnd, signal } from "../../signal.ts";
import { checkTable } from "../../table/check.ts";
import { inWords, TableFaults } from "../../table/faults.ts";
import { inferColumns, type Named } from "../../table/infer.ts";

/** Rows to choose a sample from. */
const FIRST = 10;

/** Reads a table anew with these columns as categories or keys. What was declared before is kept where it still fits. */
export type Read = (named: Named, before: readonly Column[]) => Promise<void>;

export function file(draft: Draft, chosen: (read: Read) => void): HTMLElement {
  const busy = signal<string | undefined>(undefined);
  const wrong = signal<unknown>(undefined);
  const over = signal(false);
  let visit = 0;
  onEnd(() => (visit += 1));

  const take = async (file: File): Promise<void> => {
    const mine = (visit += 1);
    const isMine = (): boolean => mine === visit;
    const told = (what: string) => (done: number): void => {
      if (isMine()) busy.set(`${what}: ${Math.min(100, Math.floor((100 * done) / Math.max(1, file.size)))} %`);
    };
    draft.table.set(undefined);
    draft.columns.set([]);
    draft.target.set("");
    draft.sample.set(new Set());
    try {
      busy.set("Opening the file");
      const csv = await asCsv(file, (rows, of) => isMine() && busy.set(`Reading ${count(rows)} of ${count(of)} rows`));
      const read: Read = async (named, before) => {
        wrong.set(undefined);
        try {
          const columns = await inferColumns(csv, named, told("Reading the table"));
          const { rows, first } = await checkTable(csv, columns, FIRST, told("Checking every cell"));
          if (!isMine()) return;
          const known = new Map(before.map((column) => [`${column.type.kind} ${column.name}`, column]));
          draft.columns.set(columns.map((column) => known.get(`${column.type.kind} ${column.name}`) ?? column));
          if (before.length === 0) draft.target.set(namedTarget(columns)?.name ?? "");
          draft.table.set({ name: file.name, file: csv, rows, first });
        } catch (error) {
          if (isMine()) wrong.set(error);
        } finally {
          if (isMine()) busy.set(undefined);
        }
      };
      if (!isMine()) return;
      chosen(read);
      await read({ categories: [], keys: [] }, []);
    } catch (error) {
      if (!isMine()) return;
      busy.set(undefined);
      wrong.set(error);
    }
  };

  const input = h("input", {
    type: "file",
    id: "table",
    accept: ".csv,.parquet,text/csv,application/vnd.apache.parquet",
    onchange: (event: Event) => {
      const [file] = (event.target as HTMLInputElement).files ?? [];
      if (file) void take(file);
    },
  });
  const drop = (event: DragEvent): void => {
    event.preventDefault();
    over.set(false);
    const [file] = event.dataTransfer?.files ?? [];
    if (file) void take(file);
  };
  return h(
    "section",
    { "aria-labelledby": "file-title" },
    h("h2", { id: "file-title" }, "1. The table"),
    h(
      "div",
      {
        class: () => (over() ? "drop over" : "drop"),
        ondragover: (event: DragEvent) => (event.preventDefault(), over.set(true)),
        ondragleave: () => over.set(false),
        ondrop: drop,
      },
      h("label", { for: "table" }, "Drop a CSV or Parquet file here, or choose one"),
      input,
      h("p", { class: "hint" }, "With a header line, and no missing values. It stays on this computer: only an encrypted copy is uploaded, and only when you publish."),
    ),
    h("div", { "aria-live": "polite" }, () => {
      const [text, error, table] = [busy(), wrong(), draft.table()];
      if (text !== undefined) return loading(`${text} …`);
      if (error instanceof TableFaults) return faults(error);
      if (error !== undefined) return failure(error);
      if (!table) return undefined;
      return hint(h("strong", null, table.name), h("p", null, `${count(table.rows)} rows in ${count(draft.columns().length)} columns, ${bytes(table.file.size)}. Every cell fits its column.`));
    }),
  );
}

function faults(error: TableFaults): HTMLElement {
  const more = error.total - error.faults.length;
  return h(
    "div",
    { class: "notice bad", role: "alert" },
    h("strong", null, "The table can not be published as it is"),
    h("p", null, "Correct what is listed in the file, then choose it again. Nothing has left this computer."),
    h("ul", null, error.faults.map((fault) => h("li", null, inWords(fault))), more > 0 && h("li", null, `and ${count(more)} more`)),
  );
}

/** A Parquet file begins with its name in four letters; everything else is taken for CSV. */
async function asCsv(file: File, progress: (rows: number, of: number) => void): Promise<Blob> {
  const start = await file.slice(0, 4).text();
  if (start !== "PAR1") return file;
  const { parquetToCsv } = await import("../../table/parquet.ts");
  return parquetToCsv(file, progress);
}
