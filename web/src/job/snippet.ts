/** Python that loads a model and predicts with it, with nothing but numpy and safetensors. */

import type { Input, Report } from "../envelope/report.ts";
import type { Block, Layer } from "./layers.ts";
import type { JobSpec } from "./spec.ts";

/** Functions that the layers of a model may need, each written out only if one does. */
const PARTS = [
  "def parts(x, kernel, stride):",
  '    """Every part of an image or a sequence that a kernel sees: channels, places, then the places within a part."""',
  "    sides = x.ndim - 1",
  "    seen = np.lib.stride_tricks.sliding_window_view(x, kernel, axis=tuple(range(1, x.ndim)))",
  "    return seen[(slice(None),) + (slice(None, None, stride),) * sides]",
];
const CONVOLUTION = [
  "def convolution(x, name, stride, padding):",
  '    weight, bias = w[name + ".weight"], w[name + ".bias"]',
  "    sides = x.ndim - 1",
  "    x = np.pad(x, [(0, 0)] + [(padding, padding)] * sides)",
  "    seen = parts(x, weight.shape[2:], stride)",
  "    x = np.tensordot(weight, seen, (range(1, 2 + sides), [0, *range(1 + sides, 1 + 2 * sides)]))",
  "    return x + bias.reshape(-1, *[1] * sides)",
];
const POOL = [
  "def pool(x, size, of):",
  "    sides = x.ndim - 1",
  "    return of(parts(x, (size,) * sides, size), axis=tuple(range(1 + sides, 1 + 2 * sides)))",
];
const NORM = [
  "def norm(x, name, groups):",
  "    each = x.reshape(groups, -1)",
  "    each = (each - each.mean(1, keepdims=True)) / np.sqrt(each.var(1, keepdims=True) + 1e-5)",
  "    by_channel = (-1, *[1] * (x.ndim - 1))",
  '    scale, shift = w[name + ".weight"].reshape(by_channel), w[name + ".bias"].reshape(by_channel)',
  "    return each.reshape(x.shape) * scale + shift",
];

/** Layers without numbers. */
const PLAIN = {
  flatten: "x = x.ravel()",
  relu: "x = np.maximum(x, 0)",
  tanh: "x = np.tanh(x)",
  sigmoid: "x = 1 / (1 + np.exp(-x))",
  gelu: "x = 0.5 * x * (1 + np.vectorize(math.erf)(x / math.sqrt(2)))",
  softplus: "x = np.logaddexp(0, x)",
  dropout: "# dropout does nothing after training",
};

/** What a layer does to x: one row of numbers, or the channels of a sequence or an image. */
function step(layer: Layer, at: number, blocks: readonly Block[]): string {
  switch (layer.kind) {
    case "linear":
      return `x = x @ w["${at}.weight"].T + w["${at}.bias"]`;
    case "embedding":
      return `x = np.concatenate([${embedded(blocks, at).join(", ")}])`;
    case "as_image":
      return `x = x.reshape(${layer.height}, ${layer.width}, ${layer.channels}).transpose(2, 0, 1)`;
    case "as_sequence":
      return `x = x.reshape(${layer.length}, ${layer.channels}).T`;
    case "conv1d":
    case "conv2d":
      return `x = convolution(x, "${at}", ${layer.stride ?? 1}, ${layer.padding ?? 0})`;
    case "max_pool":
      return `x = pool(x, ${layer.size}, np.max)`;
    case "average_pool":
      return `x = pool(x, ${layer.size}, np.mean)`;
    case "layer_norm":
      return `x = norm(x, "${at}", 1)`;
    case "group_norm":
      return `x = norm(x, "${at}", ${layer.groups})`;
    default:
      return PLAIN[layer.kind];
  }
}

/** The inputs in their order, a vector in place of each category. */
function embedded(blocks: readonly Block[], at: number): string[] {
  let [place, column] = [0, 0];
  return blocks.map(({ kind, inputs }) => {
    const slice = `x[${place}:${(place += inputs)}]`;
    return kind === "category" ? `${slice} @ w["${at}.${column++}.weight"]` : slice;
  });
}

/** What the inputs are: one block for each column of categories, and one for what lies between those. */
function blocksOf(inputs: readonly Input[]): Block[] {
  const blocks: Block[] = [];
  let before: string | undefined;
  for (const { column, category, image } of inputs) {
    const last = blocks.at(-1);
    const kind = category === null ? "numbers" : "category";
    const width = image ? image.height * image.width * image.channels : 1;
    if (last?.kind === kind && (kind === "numbers" || column === before))
      blocks.splice(-1, 1, { kind, inputs: last.inputs + width });
    else blocks.push({ kind, inputs: width });
    before = column;
  }
  return blocks;
}

/** The functions that these layers need. */
function needed(layers: readonly Layer[]): string[] {
  const has = (...kinds: Layer["kind"][]): boolean => layers.some(({ kind }) => kinds.includes(kind));
  const [convolves, pools] = [has("conv1d", "conv2d"), has("max_pool", "average_pool")];
  const functions = [
    ...(convolves || pools ? [PARTS] : []),
    ...(convolves ? [CONVOLUTION] : []),
    ...(pools ? [POOL] : []),
    ...(has("layer_norm", "group_norm") ? [NORM] : []),
  ];
  return functions.flatMap((lines) => [...lines, ""]);
}

const UNKNOWN = [
  "# This browser does not know your job's layers: put them in here. Linear layer number i is:",
  '#   x = x @ w[f"{i}.weight"].T + w[f"{i}.bias"]',
  "# The others are named and shaped as PyTorch's nn.Sequential does it.",
  'raise NotImplementedError("put your job\'s layers in here")',
];

/** What a prediction is made from: a row, or the rows of a window. */
function seen(spec: JobSpec | undefined): { argument: string; lines: readonly string[] } {
  const windows = spec?.data.windows;
  if (!windows) return { argument: "row", lines: ["x = inputs(row)"] };
  const { length, horizon } = windows;
  const when =
    horizon === 0 ? "in the last of them" : `${horizon} row${horizon === 1 ? "" : "s"} after the last of them`;
  return {
    argument: "rows",
    lines: [
      `"""${length} rows that follow each other; what is predicted is ${when}."""`,
      `assert len(rows) == ${length}`,
      "x = np.concatenate([inputs(row) for row in rows])",
    ],
  };
}

/** What the outputs say: a number in its own unit, the class of the largest, or, of a single one, the second class above 0. */
function said({ classes }: Report, layers: readonly Layer[] | undefined): string[] {
  if (classes.length === 0) return ['s = report["output_scaling"]', 'return float(x[0]) * s["scale"] + s["offset"]'];
  const last = layers?.at(-1);
  const one = 'return report["classes"][int(x[0] > 0)]';
  const largest = 'return report["classes"][int(np.argmax(x))]';
  if (last?.kind === "linear") return [last.units === 1 ? one : largest];
  return ["if len(x) == 1:", `    ${one}`, largest];
}

/** `spec` is known in the browser that ordered; without it the reader puts the layers in. */
export function snippet(report: Report, spec: JobSpec | undefined): string {
  const blocks = blocksOf(report.inputs);
  const forward = spec?.layers.map((layer, at) => step(layer, at, blocks)) ?? UNKNOWN;
  const { argument, lines } = seen(spec);
  return [
    "import json, math",
    "import numpy as np",
    "from safetensors.numpy import load_file  # pip install numpy safetensors",
    "",
    'w = load_file("model.safetensors")',
    'report = json.load(open("report.json"))',
    "",
    "def inputs(row):",
    '    """A row is a dict of column to value; scaled as in training, by the declared bounds."""',
    "    x = []",
    '    for i in report["inputs"]:',
    '        value = row[i["column"]]',
    '        if i["category"] is not None:',
    '            x.append(1.0 if str(value) == i["category"] else 0.0)',
    '        elif i.get("image"):  # an array of [height, width, channels]',
    '            x.extend(np.asarray(value, dtype=np.float32).ravel() / i["scaling"]["scale"])',
    "        else:",
    '            s = i["scaling"]',
    '            x.append(min(1.0, max(-1.0, (float(value) - s["offset"]) / s["scale"])))',
    "    return np.array(x, dtype=np.float32)",
    "",
    ...needed(spec?.layers ?? []),
    `def predict(${argument}):`,
    ...[...lines, ...forward, ...said(report, spec?.layers)].map((line) => `    ${line}`),
    "",
  ].join("\n");
}
