import type { Bytes } from "./bytes.ts";

/** What can be read from its start to its end: a file, or a stream that is read once. */
export type Source = Blob | ReadableStream<Uint8Array>;

/**
 * Cuts a source into portions of exactly `size` bytes. The last is shorter, maybe empty, and always there. No more than
 * one portion is held at a time.
 */
export function portions(source: Source, size: number): AsyncGenerator<Bytes> {
  return source instanceof Blob ? ofBlob(source, size) : ofStream(source, size);
}

async function* ofBlob(blob: Blob, size: number): AsyncGenerator<Bytes> {
  let at = 0;
  for (; blob.size - at >= size; at += size) {
    yield new Uint8Array(await blob.slice(at, at + size).arrayBuffer());
  }
  yield new Uint8Array(await blob.slice(at).arrayBuffer());
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
