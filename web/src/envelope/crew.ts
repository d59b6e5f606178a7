/**
 * Workers that encrypt a large file side by side. The browser's cipher is quick, but whoever calls it reads the file, hands
 * over every chunk and puts the results together; one thread doing all of that keeps the cipher waiting.
 */

import type { Bytes } from "./bytes.ts";
import { CHUNK, type Chunks } from "./chunks.ts";
import type { Source } from "./portions.ts";
import worker from "./sealer.ts?worker&url";
import { ownScript } from "./trusted.ts";

/** What the workers are told first: all of the secret that they need. */
export type Setting = Pick<Chunks, "cipher" | "baseNonce">;

/** A part of the file to encrypt, whose first chunk has this number. */
export interface Task {
  first: number;
  portion: Blob;
  isLast: boolean;
}

/** What became of a task. */
export type Answer = { first: number } & ({ sealed: Bytes } | { error: unknown });

/** Bytes below which workers take longer to start than they save. */
const WORTH = 16 * 2 ** 20;
/** Chunks of a task. To begin reading takes a browser milliseconds however little is read, so a task is large. */
const CHUNKS = 1024;
const PORTION = CHUNKS * CHUNK;
/** Most workers: each holds a portion and its ciphertext. One more than processors, since some are always reading. */
const WORKERS = 4;

/** The ciphertext of a file after its head, piece by piece; undefined for what is small, no file, or where there are no workers. */
export function sealByCrew(chunks: Chunks, plaintext: Source): AsyncGenerator<Bytes> | undefined {
  if (typeof Worker === "undefined" || !(plaintext instanceof Blob) || plaintext.size < WORTH) return undefined;
  return seal(chunks, plaintext);
}

async function* seal(chunks: Chunks, plaintext: Blob): AsyncGenerator<Bytes> {
  const crew = Array.from({ length: Math.min(navigator.hardwareConcurrency + 1, WORKERS) }, () => new Sealer(chunks));
  // The last portion is shorter than the others, and empty if the file ends with a whole one.
  const count = Math.floor(plaintext.size / PORTION) + 1;
  const pending: Promise<Bytes>[] = [];
  try {
    for (let at = 0; at < count + crew.length; at++) {
      if (at >= crew.length) yield await (pending.shift() as Promise<Bytes>);
      if (at >= count) continue;
      const portion = plaintext.slice(at * PORTION, (at + 1) * PORTION);
      const sealed = (crew[at % crew.length] as Sealer).seal({ first: at * CHUNKS, portion, isLast: at === count - 1 });
      // A failure is told of when its turn comes, and is of no matter if that never does.
      sealed.catch(() => undefined);
      pending.push(sealed);
    }
  } finally {
    for (const sealer of crew) sealer.end();
  }
}

/** One worker, and who waits for which of its answers. */
class Sealer {
  private readonly worker = new Worker(ownScript(worker));
  private readonly waiting = new Map<number, { resolve: (sealed: Bytes) => void; reject: (error: unknown) => void }>();

  constructor({ cipher, baseNonce }: Chunks) {
    this.worker.addEventListener("message", ({ data }: MessageEvent<Answer>) => {
      const { resolve, reject } = this.waiting.get(data.first) ?? {};
      this.waiting.delete(data.first);
      if ("sealed" in data) resolve?.(data.sealed);
      else reject?.(data.error);
    });
    // A worker that does not even start says nothing else.
    this.worker.addEventListener("error", (event) => {
      const error = new Error(`a worker of the page failed: ${event.message || "its script did not load"}`);
      for (const { reject } of this.waiting.values()) reject(error);
    });
    this.worker.postMessage({ cipher, baseNonce } satisfies Setting);
  }

  seal(task: Task): Promise<Bytes> {
    return new Promise((resolve, reject) => {
      this.waiting.set(task.first, { resolve, reject });
      this.worker.postMessage(task);
    });
  }

  end(): void {
    this.worker.terminate();
  }
}
