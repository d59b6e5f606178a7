/** The Rust side of the tests: a program that answers each line of JSON with one. */

import { spawn, type ChildProcessWithoutNullStreams } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const REPOSITORY = fileURLToPath(new URL("../..", import.meta.url));

/** An answer, or the reason for a refusal. */
export type Answer = Record<string, unknown> & { refused?: string };

/** A running peer. */
export class Peer {
  private readonly process: ChildProcessWithoutNullStreams;
  private readonly waiting: { resolve(answer: Answer): void; reject(error: Error): void }[] = [];
  private complaint = "";

  /** Builds it if need be, and starts it. */
  constructor() {
    const argument = ["run", "--quiet", "--locked", "-p", "atoll-protocol", "--example", "envelope-peer"];
    this.process = spawn("cargo", argument, { cwd: REPOSITORY });
    this.process.stderr.on("data", (text: Buffer) => (this.complaint += text.toString()));
    this.process.on("error", (error) => this.fail(error));
    this.process.on("close", () => this.fail(new Error(`the peer has ended: ${this.complaint}`)));
    createInterface({ input: this.process.stdout }).on("line", (line) => {
      this.waiting.shift()?.resolve(JSON.parse(line) as Answer);
    });
  }

  /** Asks it something. Many questions may be on their way; they are answered in order. */
  ask(command: Record<string, unknown>): Promise<Answer> {
    return new Promise((resolve, reject) => {
      this.waiting.push({ resolve, reject });
      this.process.stdin.write(`${JSON.stringify(command)}\n`);
    });
  }

  /** Lets it end. */
  end(): void {
    this.process.stdin.end();
  }

  private fail(error: Error): void {
    for (const { reject } of this.waiting.splice(0)) reject(error);
  }
}
