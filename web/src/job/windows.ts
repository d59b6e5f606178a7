/** What is learnt from: each row, or each window of several rows that follow each other (`protocol::job::Windows`). */

import type { Schema } from "../api/client.ts";
import type { Block } from "./layers.ts";
import type { JobSpec } from "./spec.ts";

export type Windows = Schema["Windows"];

/** A look back that is short enough for most series. In a private job no row may be in two windows. */
export function usualWindows(isPrivate: boolean): Windows {
  const [length, horizon] = [8, 1];
  return { length, horizon, stride: isPrivate ? length + horizon : 1 };
}

/** Rows from the first that is seen to the one that is predicted. */
export function spanOf({ length, horizon }: Windows): number {
  return length + horizon;
}

/** Windows of so many rows. */
export function windowsIn(windows: Windows, rows: number): number {
  const left = rows - spanOf(windows);
  return left < 0 ? 0 : Math.floor(left / Math.max(windows.stride, 1)) + 1;
}

/** What is learnt from so many rows: each, or each window of them. */
export function samplesOf({ data: { windows } }: Pick<JobSpec, "data">, rows: number): number {
  return windows ? windowsIn(windows, rows) : rows;
}

/** A model's inputs, given those of one row: those of a window are all numbers. */
export function seenAtOnce({ data: { windows } }: Pick<JobSpec, "data">, ofRow: readonly Block[]): readonly Block[] {
  if (!windows) return ofRow;
  const width = ofRow.reduce((sum, { inputs }) => sum + inputs, 0);
  return [{ kind: "numbers", inputs: width * windows.length }];
}

/** True if a job measures a model and trains none. */
export function evaluates({ training }: Pick<JobSpec, "training">): boolean {
  return training.epochs === 0;
}
