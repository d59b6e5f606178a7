/**
 * A result, sealed to one buyer: a report and a model, or statistics and no model. It is readable only with the key that the
 * buyer named in the signed request, and only as the result of that order.
 *
 * Bytes = magic (8) ‖ encapsulated key (32) ‖ wrapped content key (48) ‖ chunked encryption of
 * (report length, 4 bytes little endian ‖ report JSON ‖ safetensors).
 */

import { equal, fromHex, utf8, type Bytes, type Hex } from "./bytes.ts";
import { decrypt, whole } from "./content.ts";
import { Refused } from "./error.ts";
import { open } from "./hpke.ts";
import { infoOf } from "./key-wrap.ts";
import { readReport, type Report } from "./report.ts";
import { readStatistics, type StatisticsReport } from "./statistics.ts";
import type { KeyPair } from "./x25519.ts";

/** First bytes of a sealed result. */
export const MAGIC = utf8("atollr1\n");
const ENCAPSULATED = MAGIC.length + 32;
const WRAPPED = ENCAPSULATED + 48;

/** What a job leaves its buyer: no safetensors file is empty, so what has no model are statistics. */
export type Result = ModelResult | StatisticsResult;

export interface ModelResult {
  report: Report;
  /** The model as safetensors. */
  model: Bytes;
}

export interface StatisticsResult {
  statistics: StatisticsReport;
  /** The JSON as it was sealed: these bytes are what a receipt names. */
  bytes: Bytes;
}

/** Opens a result with the buyer's key. Throws `Refused` for any mismatch. */
export async function openSealed(secret: KeyPair, orderId: Hex, sealed: Bytes): Promise<Result> {
  if (sealed.length < WRAPPED || !equal(sealed.subarray(0, MAGIC.length), MAGIC)) throw new Refused();
  const info = infoOf("result", fromHex(orderId));
  const message = {
    encapsulated: sealed.slice(MAGIC.length, ENCAPSULATED),
    ciphertext: sealed.slice(ENCAPSULATED, WRAPPED),
  };
  const key = await open(secret, info, secret.publicKey, message);
  const plain = await whole(decrypt(key, info, new Blob([sealed.subarray(WRAPPED)])));
  key.fill(0);
  if (plain.length < 4) throw new Refused();
  const end = 4 + new DataView(plain.buffer).getUint32(0, true);
  if (end > plain.length) throw new Refused();
  const bytes = plain.slice(4, end);
  let report: unknown;
  try {
    report = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    throw new Refused();
  }
  if (end === plain.length) return { statistics: readStatistics(report), bytes };
  return { report: readReport(report), model: plain.slice(end) };
}
