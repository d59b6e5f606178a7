import { readFileSync } from "node:fs";
import { expect, test } from "vitest";

import { type Layer, modelOf, numbersOf, outputOf } from "../src/job/layers.ts";

interface Case {
  name: string;
  blocks: ["numbers" | "category", number][];
  layers: Layer[];
  tensors: Record<string, { shape: number[] }>;
  /** Those of five rows. */
  outputs: number[];
}

// What PyTorch itself made of the same layers.
const VECTORS = new URL("../../compute-to-data/trainer/tests/vectors/pytorch.json", import.meta.url);
const { layers: CASES } = JSON.parse(readFileSync(VECTORS, "utf8")) as { layers: Case[] };

test("every layer learns the tensors that PyTorch's does, and gives as many numbers", () => {
  expect(CASES.length).toBeGreaterThan(20);
  for (const { name, blocks, layers, tensors, outputs } of CASES) {
    const made = modelOf(
      layers,
      blocks.map(([kind, inputs]) => ({ kind, inputs })),
    );
    if ("errors" in made) throw new Error(`${name}: ${made.errors[0]?.message}`);
    const learnt = made.model.steps.flatMap(({ parameters }) => parameters);
    expect(Object.fromEntries(learnt.map(({ name, shape }) => [name, shape])), name).toEqual(
      Object.fromEntries(Object.entries(tensors).map(([name, { shape }]) => [name, shape])),
    );
    expect(numbersOf(outputOf(made.model)), name).toBe(outputs.length / 5);
  }
});

test("layers that would take more room than there is are refused before they are counted", () => {
  const wide: Layer[] = [
    { kind: "as_sequence", length: 2, channels: 1 },
    { kind: "conv1d", channels: 16_384, kernel: 1 },
    { kind: "conv1d", channels: 16_384, kernel: 2, padding: 1 },
    { kind: "as_image", height: 1, width: 1, channels: 1 },
  ];
  const errors = (layers: Layer[], inputs: number): unknown => {
    const made = modelOf(layers, [{ kind: "numbers", inputs }]);
    return "errors" in made ? made.errors.map(({ layer, member }) => [layer, member]) : [];
  };
  expect(errors(wide, 2)).toEqual([[3, undefined]]);
  expect(errors([{ kind: "linear", units: 16_384 }], 2 ** 27)).toEqual([[0, undefined]]);
  expect(
    errors(
      [
        { kind: "linear", units: 0 },
        { kind: "max_pool", size: 65 },
      ],
      2,
    ),
  ).toEqual([
    [0, "units"],
    [1, "size"],
  ]);
});
