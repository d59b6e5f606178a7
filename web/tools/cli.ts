/** The command line of this repository, for tests that hold the page against it. */

import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import type { Named } from "../src/table/infer.ts";

const REPOSITORY = fileURLToPath(new URL("../..", import.meta.url));
const run = promisify(execFile);

/** What `atoll publish` makes of a table before it asks anybody. */
export interface Verdict {
  /** The columns that it proposes. */
  columns: unknown;
  /** Rows below the header. */
  rows: number;
  /** The faults as it lists them; none if there are columns. */
  faults: string[];
}

/** A home with keys, and the program. */
export class Cli {
  private constructor(
    private readonly program: string,
    private readonly home: string,
  ) {}

  /** Builds the program if need be. */
  static async build(): Promise<Cli> {
    const arguments_ = ["build", "--locked", "-p", "atoll-cli", "--message-format", "json"];
    const { stdout } = await run("cargo", arguments_, { cwd: REPOSITORY, maxBuffer: 1 << 28 });
    const messages = stdout.split("\n").filter((line) => line.startsWith("{"));
    const executables = messages.map((line) => (JSON.parse(line) as { executable?: string | null }).executable);
    const program = executables.findLast((path) => path);
    if (!program) throw new Error("cargo names no program");
    const home = await mkdtemp(join(tmpdir(), "atoll-web-"));
    await run(program, ["keygen", "--home", home]);
    return new Cli(program, home);
  }

  async verdict(table: Uint8Array | string, { categories, keys }: Named): Promise<Verdict> {
    const file = join(this.home, "table.csv");
    await writeFile(file, table);
    // Nobody listens there, and no table has so many rows: it ends when it has read the table.
    const options = ["--server", "http://127.0.0.1:1", "--rpc-url", "http://127.0.0.1:1", "--min-rows", `${10 ** 12}`];
    const about = ["--name", "n", "--license", "l", "--price", "1", "--payment-token", `0x${"0".repeat(40)}`];
    const named = (option: string, names: readonly string[]): string[] => (names.length > 0 ? [option, names.join(",")] : []);
    const asked = [...named("--categories", categories), ...named("--keys", keys)];
    const ended = run(this.program, ["publish", file, "--json", "--home", this.home, ...options, ...about, ...asked]);
    const { stdout, stderr } = await ended.then(
      () => Promise.reject(new Error("it published a table to nobody")),
      (error: { stdout: string; stderr: string }) => error,
    );
    const { error } = JSON.parse(stdout) as { error: string };
    const proposed = /^ {2}(\[\{.*)$/m.exec(stderr)?.[1];
    return {
      columns: proposed === undefined ? undefined : JSON.parse(proposed),
      rows: Number(/the table has (\d+) rows/.exec(error)?.[1] ?? 0),
      faults: proposed === undefined ? error.split("\n  ").slice(1) : [],
    };
  }

  async end(): Promise<void> {
    await rm(this.home, { recursive: true });
  }
}
