import { expect, test } from "vitest";

import { readReport, type Report } from "../src/envelope/report.ts";
import { figuresOf } from "../src/job/figures.ts";
import { readSpec } from "../src/job/read.ts";
import { snippet } from "../src/job/snippet.ts";
import type { JobSpec } from "../src/job/spec.ts";
import { type Change, spec } from "../tools/example.ts";

/** As a provider writes it: what is not measured is null. */
const WRITTEN = {
  ...{ train_rows: 75, test_rows: 25, test_accuracy: 0.92, test_f1: 0.9, test_auc: 0.975, test_log_loss: 0.21 },
  ...{ test_rmse: null, test_mae: null, test_r2: null, test_confusion: [null, [0.1, 0.9]], final_loss: 0.125 },
  history: [{ epoch: 12, epochs: 30, loss: 0.125, test_metric: 0.92 }],
  inputs: [
    { column: "x0", category: null, scaling: { offset: 0, scale: 1 } },
    { column: "ward", category: "n", scaling: null },
    { column: "ward", category: "s", scaling: null },
    { column: "fold", category: "a", scaling: null },
    { column: "fold", category: "b", scaling: null },
    { column: "scan", category: null, scaling: { offset: 0, scale: 255 }, image: { height: 2, width: 3, channels: 1 } },
    { column: "x1", category: null, scaling: { offset: 0, scale: 1 } },
  ],
  ...{ classes: ["a", "b"], output_scaling: null, privacy: null, audit: null, trainer: "trainer 1" },
};

function job(...changes: Change[]): JobSpec {
  const read = readSpec(spec(...changes));
  if ("broken" in read) throw new Error(JSON.stringify(read.broken));
  return read.spec;
}

/** What a model of these layers does to its inputs, in Python. */
function steps(report: Report, spec: JobSpec | undefined): string[] {
  const lines = snippet(report, spec).split("\n");
  return lines
    .slice(
      lines.findIndex((line) => line.startsWith("def predict")),
      -1,
    )
    .map((line) => line.trim());
}

test("a report is read with everything that was measured, and what is absent is null", () => {
  const report = readReport(JSON.parse(JSON.stringify(WRITTEN)));
  expect(report).toEqual(WRITTEN);
  const regression = { ...WRITTEN, test_accuracy: null, test_rmse: 2.5, test_mae: 2, test_r2: -0.25 };
  expect(readReport(JSON.parse(JSON.stringify(regression)))).toEqual(regression);
  const { test_f1: _, test_r2: __, ...older } = WRITTEN;
  expect(readReport(older)).toMatchObject({ test_f1: null, test_r2: null });
  expect(() => readReport({ ...WRITTEN, test_auc: "0.9" })).toThrow();
});

test("each figure is shown that was measured, and no other", () => {
  const names = (change: Partial<Report>): string[] =>
    figuresOf({ ...(WRITTEN as Report), ...change }, 10).map(([name]) => name);
  expect(figuresOf(WRITTEN as Report, 2048)).toEqual([
    ["Accuracy on held-out rows", "92 %"],
    ["F1, mean of the classes", "0.9"],
    ["Area under the curve (AUC)", "0.975"],
    ["Log loss", "0.21"],
    ["Rows learned from", "75"],
    ["Rows held out", "25"],
    ["Ended early", "after 12 of 30 epochs"],
    ["Last loss", "0.125"],
    ["Model", "2.0 KiB"],
  ]);
  const none = { test_accuracy: null, test_f1: null, test_auc: null, test_log_loss: null };
  expect(names({ ...none, test_rmse: 2.5, test_mae: 2, test_r2: -0.25 }).slice(0, 3)).toEqual([
    "Typical error (RMSE)",
    "Mean absolute error",
    "Variance explained (R²)",
  ]);
  // What only measures has learned from no row, and has neither a curve nor a loss.
  const measured = names({ train_rows: 0, history: [], final_loss: null });
  expect(measured).toEqual([
    ...["Accuracy on held-out rows", "F1, mean of the classes", "Area under the curve (AUC)", "Log loss"],
    ...["Rows held out", "Model"],
  ]);
  const whole = names({ history: [{ epoch: 30, epochs: 30, loss: 0.1, test_metric: null }] });
  expect(whole).not.toContain("Ended early");
});

test("the Python says what the outputs mean", () => {
  const report = WRITTEN as Report;
  expect(steps(report, job()).at(-1)).toBe('return report["classes"][int(np.argmax(x))]');
  // A single output is above 0 for the second class; the largest of one would always be the first.
  const one = job(["/loss", "binary_cross_entropy"], ["/layers", [{ kind: "linear", units: 1 }]]);
  expect(steps(report, one).at(-1)).toBe('return report["classes"][int(x[0] > 0)]');
  const number = { ...report, classes: [], output_scaling: { offset: 1, scale: 2 } };
  expect(steps(number, job()).at(-1)).toBe('return float(x[0]) * s["scale"] + s["offset"]');
});

test("the Python takes categories and windows as the model does, and does not guess what it does not know", () => {
  const report = WRITTEN as Report;
  const embedded = job(["/layers/0", { kind: "embedding", dimensions: 4 }]);
  expect(steps(report, embedded)[2]).toBe(
    'x = np.concatenate([x[0:1], x[1:3] @ w["0.0.weight"], x[3:5] @ w["0.1.weight"], x[5:12]])',
  );
  const windows = job(["/data/windows", { length: 12, horizon: 3, stride: 5 }]);
  expect(steps(report, windows).slice(0, 4)).toEqual([
    "def predict(rows):",
    '"""12 rows that follow each other; what is predicted is 3 rows after the last of them."""',
    "assert len(rows) == 12",
    "x = np.concatenate([inputs(row) for row in rows])",
  ]);
  expect(steps(report, undefined).join("\n")).toContain("raise NotImplementedError");
});
