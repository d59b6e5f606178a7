/** What a worker of the crew runs: it reads its portions of the file itself and gives their ciphertext back. */

import { Chunks } from "./chunks.ts";
import type { Answer, Setting, Task } from "./crew.ts";

let chunks: Chunks | undefined;

addEventListener("message", ({ data }: MessageEvent<Setting | Task>) => {
  // The commitment is in the file's head, which is not written here.
  if ("cipher" in data) chunks = new Chunks(data.cipher, data.baseNonce, new Uint8Array(0));
  else void seal(data);
});

async function seal({ first, portion, isLast }: Task): Promise<void> {
  try {
    if (!chunks) throw new Error("a task came before the key");
    const sealed = await chunks.seal(new Uint8Array(await portion.arrayBuffer()), first, isLast);
    postMessage({ first, sealed } satisfies Answer, { transfer: [sealed.buffer] });
  } catch (error) {
    postMessage({ first, error } satisfies Answer);
  }
}
