/** Another program's view of a model: reads the files that the page saved, and predicts with plain arithmetic. */

import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

interface Tensor {
  readonly shape: number[];
  readonly values: Float32Array;
}

/** The tensors of a safetensors file. */
export function tensors(path: string): Map<string, Tensor> {
  const bytes = readFileSync(path);
  const length = Number(bytes.readBigUInt64LE(0));
  const header = JSON.parse(bytes.subarray(8, 8 + length).toString()) as Record<
    string,
    { dtype: string; shape: number[]; data_offsets: [number, number] }
  >;
  const found = new Map<string, Tensor>();
  for (const [name, entry] of Object.entries(header)) {
    if (name === "__metadata__") continue;
    if (entry.dtype !== "F32") throw new Error(`${name} is of ${entry.dtype}`);
    const [start, end] = entry.data_offsets.map((offset) => 8 + length + offset) as [number, number];
    found.set(name, {
      shape: entry.shape,
      values: new Float32Array(new Uint8Array(bytes.subarray(start, end)).buffer),
    });
  }
  return found;
}

interface Report {
  inputs: { column: string; category: string | null; scaling: { offset: number; scale: number } | null }[];
  classes: string[];
}

/** Part of a table's rows whose target the model names rightly: linear, ReLU, linear. */
export function accuracy(model: string, report: string, table: string, target: string): number {
  const weights = tensors(model);
  const { inputs, classes } = JSON.parse(readFileSync(report, "utf8")) as Report;
  const [head = "", ...lines] = readFileSync(table, "utf8").trim().split(/\r?\n/);
  const names = head.split(",");
  const rows = lines.map((line) => line.split(","));
  const right = rows.filter((row) => {
    const cell = (name: string): string => row[names.indexOf(name)] ?? "";
    const x = inputs.map(({ column, category, scaling }) => {
      if (category !== null || !scaling) return Number(cell(column) === category);
      return Math.min(1, Math.max(-1, (Number(cell(column)) - scaling.offset) / scaling.scale));
    });
    const hidden = linear(weights, "0", x).map((value) => Math.max(0, value));
    const scores = linear(weights, "2", hidden);
    return classes[scores.indexOf(Math.max(...scores))] === cell(target);
  });
  return right.length / rows.length;
}

/** What a reader adds to the page's Python. */
const MEASURE = `
import csv, sys
rows = list(csv.DictReader(open(sys.argv[1])))
print(sum(predict(row) == row[sys.argv[2]] for row in rows) / len(rows))
`;

/** The same part, by the page's own Python in the folder with the saved files. */
export function accuracyIn(python: string, snippet: string, folder: string, table: string, target: string): number {
  writeFileSync(join(folder, "use.py"), snippet + MEASURE);
  return Number(execFileSync(python, ["use.py", table, target], { cwd: folder, encoding: "utf8" }));
}

function linear(weights: Map<string, Tensor>, layer: string, x: number[]): number[] {
  const [weight, bias] = [weights.get(`${layer}.weight`), weights.get(`${layer}.bias`)];
  if (!weight || !bias) throw new Error(`the model has no layer ${layer}`);
  const [outputs = 0, width = 0] = weight.shape;
  if (width !== x.length) throw new Error(`layer ${layer} takes ${width} numbers and gets ${x.length}`);
  return Array.from({ length: outputs }, (_, out) =>
    x.reduce((sum, value, at) => sum + value * (weight.values[out * width + at] ?? NaN), bias.values[out] ?? NaN),
  );
}
