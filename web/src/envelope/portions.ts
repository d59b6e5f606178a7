import type { Bytes } from "./bytes.ts";

/** What can be read from its start to its end: a file, or a stream that is read once. */
export type Source = Blob | ReadableStream<Uint8Array>;

/**
 * Portions of a file that are read in one go, and reads that are under way before they are needed: each comes from another
 * process, and waiting for every single one would take longer than the cipher does.
 */
const [AT_ONCE, AHEAD] = [4, 2];

/**
 * Cuts a source into portions of exactly `size` bytes. The last is shorter, maybe empty, and always there. Of a stream no
 * more than one portion is held at a time, of a file a few.
 */
export function portions(source: Source, size: number): AsyncGenerator<Bytes> {
  return source instanceof Blob ? ofBlob(source, size) : ofStream(source, size);
}

async function* ofBlob(blob: Blob, size: number): AsyncGenerator<Bytes> {
  const step = size * AT_ONCE;
  const reads: Promise<ArrayBuffer>[] = [];
  let asked = 0;
  const ask = (): void => {
    const read = blob.slice(asked, asked + step).arrayBuffer();
    // A failure is told of when its turn comes, and is of no matter if that never does.
    read.catch(() => undefined);
    reads.push(read);
    asked += step;
  };
  for (let at = 0; at < blob.size; at += step) {
    while (reads.length < AHEAD && asked < blob.size) ask();
    const read = new Uint8Array((await reads.shift()) as ArrayBuffer);
    for (let from = 0; from < read.length; from += size) {
      const portion = read.subarray(from, from + size);
      yield portion;
      if (portion.length < size) return;
    }
  }
  yield new Uint8Array(0);
}

async function* ofStream(stream: ReadableStream<Uint8Array>, size: number): AsyncGenerator<Bytes> {
  const reader = stream.getReader();
  let portion = new Uint8Array(size);
  let filled = 0;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      for (let from = 0; from < value.length; ) {
        const count = Math.min(size - filled, value.length - from);
        portion.set(value.subarray(from, from + count), filled);
        from += count;
        filled += count;
        if (filled === size) {
          yield portion;
          portion = new Uint8Array(size);
          filled = 0;
        }
      }
    }
    yield portion.subarray(0, filled);
  } finally {
    await reader.cancel();
  }
}
