/** The page's Python for every kind of layer, run as a reader would run it, against what PyTorch computes. */

import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { expect, test } from "vitest";

import type { Input, Report } from "../src/envelope/report.ts";
import type { Layer } from "../src/job/layers.ts";
import { snippet } from "../src/job/snippet.ts";
import type { JobSpec } from "../src/job/spec.ts";

interface Case {
  name: string;
  blocks: ["numbers" | "category", number][];
  layers: Layer[];
  tensors: Record<string, { shape: number[]; values: number[] }>;
  inputs: number[];
  outputs: number[];
}

const VECTORS = new URL("../../compute-to-data/trainer/tests/vectors/pytorch.json", import.meta.url);
const ROWS = 5;

/** Runs each snippet beside the files that it loads. Its inputs are the vectors' own, which no bounds were declared for. */
const DRIVER = `
import json
import numpy as np
from safetensors.numpy import save_file
told = []
for case in json.load(open("cases.json")):
    shaped = {name: np.array(t["values"], dtype=np.float32).reshape(t["shape"]) for name, t in case["tensors"].items()}
    save_file(shaped, "model.safetensors")
    json.dump(case["report"], open("report.json", "w"))
    scope = {}
    exec(case["snippet"], scope)
    scope["inputs"] = lambda row: np.array(row, dtype=np.float32)
    told.append([scope["predict"](row) for row in case["rows"]])
print(json.dumps(told))
`;

function inputsOf({ blocks }: Case): Input[] {
  return blocks.flatMap(([kind, count], block) =>
    Array.from({ length: count }, (_, at): Input => {
      if (kind === "category") return { column: `${block}`, category: `${at}`, scaling: null };
      return { column: `${block}.${at}`, category: null, scaling: { offset: 0, scale: 1 } };
    }),
  );
}

function report(inputs: Input[]): Report {
  return { inputs, classes: [], output_scaling: { offset: 0, scale: 1 } } as unknown as Report;
}

test.skipIf(!process.env["PYTHON"])("the Python of every kind of layer gives what PyTorch gives", () => {
  const { layers: cases } = JSON.parse(readFileSync(VECTORS, "utf8")) as { layers: Case[] };
  const kinds = new Set(cases.flatMap(({ layers }) => layers.map(({ kind }) => kind)));
  expect([...kinds].sort()).toEqual(
    [
      "as_image",
      "as_sequence",
      "average_pool",
      "conv1d",
      "conv2d",
      "embedding",
      "flatten",
      "gelu",
      "group_norm",
    ].concat(["layer_norm", "linear", "max_pool", "relu", "sigmoid", "softplus", "tanh"]),
  );
  const folder = mkdtempSync(join(tmpdir(), "atoll-snippet-"));
  try {
    const asked = cases.map((one) => {
      const inputs = inputsOf(one);
      const rows = Array.from({ length: ROWS }, (_, row) =>
        one.inputs.slice(row * inputs.length, (row + 1) * inputs.length),
      );
      const spec = { layers: one.layers, data: {} } as unknown as JobSpec;
      return { tensors: one.tensors, report: report(inputs), rows, snippet: snippet(report(inputs), spec) };
    });
    writeFileSync(join(folder, "cases.json"), JSON.stringify(asked));
    const python = process.env["PYTHON"] ?? "";
    const told = JSON.parse(execFileSync(python, ["-c", DRIVER], { cwd: folder, encoding: "utf8" })) as number[][];
    for (const [at, { name, outputs }] of cases.entries()) {
      const width = outputs.length / ROWS;
      // The first output of each row: every layer before it has its part in that.
      for (let row = 0; row < ROWS; row++) expect(told[at]?.[row], name).toBeCloseTo(outputs[row * width] ?? NaN, 3);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
});
