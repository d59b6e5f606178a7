/** Ciphertext on its way to the server. A connection that breaks costs only what was on its way. */

import { call, request, type Schema } from "../api/client.ts";
import { Problem, Unreachable } from "../api/problem.ts";
import { Refused } from "../wallet/refused.ts";
import type { Sealed } from "./seal.ts";

type Upload = Schema["Upload"];

/** Bytes that are sent at a time. */
const PIECE = 8 * 2 ** 20;
/** Tries in a row that bring nothing further, before it is given up. */
const TRIES = 8;
/** Pause before the first new try, in milliseconds; each next one doubles it. */
const PAUSE = 250;

/** What the upload tells while it goes on. */
export interface Told {
  (bytes: number, broken: boolean): void;
}

/** Announces the ciphertext and sends it, going on where the connection broke, until the server has all of it. */
export async function upload({ content, sha256, bytes }: Sealed, tell: Told, signal: AbortSignal): Promise<void> {
  let now = await call("post", "/v1/uploads", { body: { sha256, bytes }, signal });
  let inVain = 0;
  while (!now.complete) {
    const before = now.offset;
    try {
      now = await send(now, content.slice(now.offset, now.offset + PIECE), signal);
    } catch (error) {
      if (!isPassing(error) || signal.aborted) throw error;
      inVain += 1;
      if (inVain > TRIES) throw error;
      tell(now.offset, true);
      await pause(PAUSE * 2 ** (inVain - 1), signal);
      now = await current(now, signal);
    }
    if (now.offset !== before) inVain = 0;
    tell(now.offset, false);
  }
  if (now.sha256 !== sha256) {
    throw new Refused("The server did not store the whole file", "Nothing was published. Try again.");
  }
}

async function send({ id, offset }: Upload, piece: Blob, signal: AbortSignal): Promise<Upload> {
  const response = await request(`/v1/uploads/${id}/content`, {
    method: "PATCH",
    headers: { "upload-offset": String(offset), "content-type": "application/octet-stream" },
    body: piece,
    signal,
  });
  return (await response.json()) as Upload;
}

/** Where the upload stands; what was known before if the server is not there. */
async function current(known: Upload, signal: AbortSignal): Promise<Upload> {
  try {
    return await call("get", "/v1/uploads/{id}", { path: { id: known.id }, signal });
  } catch (error) {
    if (isPassing(error) && !signal.aborted) return known;
    throw error;
  }
}

/** True where the upload may go on: the connection broke, the server was busy or gone, or an earlier request still ran. */
function isPassing(error: unknown): boolean {
  if (error instanceof Unreachable) return true;
  if (!(error instanceof Problem)) return false;
  return error.status >= 500 || error.status === 429 || ["upload-offset", "upload-complete", "bad-request", "too-slow"].includes(error.kind);
}

function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, milliseconds);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(signal.reason as Error);
    });
  });
}
