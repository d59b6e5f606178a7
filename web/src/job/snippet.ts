/** Python that loads a model and predicts with it, with nothing but numpy and safetensors. */

import type { Report } from "../envelope/report.ts";
import type { JobSpec, Layer } from "./spec.ts";

const STEPS: Record<Exclude<Layer["kind"], "linear">, string> = {
  relu: "x = np.maximum(x, 0)",
  tanh: "x = np.tanh(x)",
  sigmoid: "x = 1 / (1 + np.exp(-x))",
  gelu: "x = 0.5 * x * (1 + np.vectorize(math.erf)(x / math.sqrt(2)))",
  dropout: "# dropout does nothing after training",
};

/** `spec` is known in the browser that ordered; without it the reader puts the layers in. */
export function snippet(report: Report, spec: JobSpec | undefined): string {
  const layers = spec?.layers.map((layer, at) =>
    layer.kind === "linear" ? `x = x @ w["${at}.weight"].T + w["${at}.bias"]` : STEPS[layer.kind],
  );
  const forward = layers ?? [
    "# Put your job's layers here. Linear layer number i is:",
    '#   x = x @ w[f"{i}.weight"].T + w[f"{i}.bias"]',
  ];
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
    "def predict(row):",
    "    x = inputs(row)",
    ...forward.map((line) => `    ${line}`),
    ...(report.classes.length > 0
      ? ['    return report["classes"][int(np.argmax(x))]']
      : ['    s = report["output_scaling"]', '    return float(x[0]) * s["scale"] + s["offset"]']),
    "",
  ].join("\n");
}
