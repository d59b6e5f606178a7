import { expect, test } from "vitest";

import type { AssetDocument, Column } from "../src/document.ts";
import { readSpec } from "../src/job/read.ts";
import { type Change, checked, document, KEY, spec } from "../tools/example.ts";

const EVERY_FAMILY = [
  "linear_regression",
  "logistic_regression",
  "multilayer_perceptron",
  "convolutional_network",
] as const;

/** A data set with an image, a number to predict, and a category to split by, beside those of the example. */
const COLUMNS: Column[] = [
  { name: "scan", type: { kind: "image", height: 6, width: 6, channels: 1 } },
  { name: "price", type: { kind: "number", min: 0, max: 9 } },
  { name: "fold", type: { kind: "category", values: ["a", "b", "c"] } },
  { name: "who", type: { kind: "key" } },
];
const DOCUMENT = document(COLUMNS, { model_families: [...EVERY_FAMILY] });

const IMAGES: Change[] = [
  ["/task", "image_classification"],
  ["/data/features", ["scan"]],
  [
    "/layers",
    [
      { kind: "as_image", height: 6, width: 6, channels: 1 },
      { kind: "conv2d", channels: 2, kernel: 3 },
      { kind: "relu" },
      { kind: "max_pool", size: 2 },
      { kind: "flatten" },
      { kind: "linear", units: 2 },
    ],
  ],
];
const REGRESSION: Change[] = [
  ["/task", "regression"],
  ["/data/target", "price"],
  ["/layers", [{ kind: "linear", units: 1 }]],
  ["/loss", "mean_squared_error"],
];
const START: Change = [
  "/start",
  {
    model_sha256: `0x${"01".repeat(32)}`,
    ciphertext_sha256: `0x${"02".repeat(32)}`,
    ciphertext_bytes: 600,
    key: { recipient: KEY, encapsulated: `0x${"04".repeat(32)}`, ciphertext: `0x${"05".repeat(48)}` },
  },
];
const EVALUATION: Change[] = [START, ["/training/epochs", 0], ["/split/test_fraction", 1]];
const PRIVATE: Change = ["/privacy", { noise_multiplier: 4, clipping_norm: 1 }];

function broken(changes: readonly Change[], of: AssetDocument = DOCUMENT): readonly string[] {
  return (checked(spec(...changes), of).broken ?? []).map(({ pointer, message }) => `${pointer} ${message}`);
}

function accepted(...changes: readonly Change[]): NonNullable<ReturnType<typeof checked>["cost"]> {
  const { broken, cost } = checked(spec(...changes), DOCUMENT);
  expect(broken, JSON.stringify(changes)).toEqual([]);
  if (!cost) throw new Error("the job has no cost");
  return cost;
}

/** Each is refused at that place with these words; `changes` come before its own. */
function refused(changes: readonly Change[], cases: readonly [...Change, at: string, words: string][]): void {
  for (const [pointer, value, at, words] of cases) {
    const found = broken([...changes, [pointer, value]]);
    const named = found.some((one) => one.startsWith(`${at} `) && one.includes(words));
    expect(named, `${pointer} = ${JSON.stringify(value)}: ${found.join("; ")}`).toBe(true);
  }
}

const linear = (units: number) => ({ kind: "linear", units });
const windows = (length: number, horizon: number, stride: number): Change => [
  "/data/windows",
  { length, horizon, stride },
];
const by = (column: string, test: string[]): Change => ["/split/by", { column, test }];

test("specs of every kind are accepted", () => {
  const linears = (...between: object[]): Change => ["/layers", [linear(4), ...between, linear(2)]];
  const sound: Change[][] = [
    [],
    IMAGES,
    REGRESSION,
    ...["relu", "tanh", "sigmoid", "gelu", "softplus", "layer_norm", "flatten"].map((kind) => [linears({ kind })]),
    [linears({ kind: "group_norm", groups: 2 }, { kind: "dropout", rate: 0.5 })],
    [
      ["/data/features", ["x0", "fold"]],
      ["/layers", [{ kind: "embedding", dimensions: 3 }, linear(2)]],
    ],
    [
      windows(12, 0, 1),
      ...REGRESSION,
      [
        "/layers",
        [
          { kind: "as_sequence", length: 12, channels: 2 },
          { kind: "conv1d", channels: 3, kernel: 4, stride: 2, padding: 1 },
          { kind: "average_pool", size: 2 },
          { kind: "flatten" },
          linear(1),
        ],
      ],
    ],
    [["/loss", { weighted_cross_entropy: { class_weights: [1, 2.5] } }]],
    [
      ["/loss", "binary_cross_entropy"],
      ["/layers", [linear(1)]],
    ],
    [["/task", "multiclass_classification"]],
    [
      ["/task", "multiclass_classification"],
      ["/data/target", "fold"],
      ["/layers", [linear(3)]],
    ],
    [...REGRESSION, ["/loss", { huber: { delta: 0.1 } }]],
    [...REGRESSION, ["/loss", "mean_absolute_error"]],
    [["/optimizer", { kind: "adamw", learning_rate: 0.1 }]],
    [["/optimizer", { kind: "sgd", learning_rate: 0.1, momentum: 0.9, weight_decay: 0.1 }]],
    [["/schedule", { warm_up: 10, decay: { kind: "cosine" } }]],
    [["/schedule", { warm_up: 1, decay: { kind: "step", every: 2, factor: 0.1 } }]],
    [["/schedule", {}]],
    [
      ["/training/gradient_clip", 1.5],
      ["/training/early_stopping", { patience: 2 }],
    ],
    [
      ["/training/gradient_clip", null],
      ["/start", null],
      ["/privacy", null],
      ["/algorithm", null],
      ["/data/windows", null],
    ],
    [by("fold", ["a"]), ["/split/test_fraction", 0]],
    [PRIVATE],
    [...IMAGES, PRIVATE],
    [START],
    EVALUATION,
    [...EVALUATION, PRIVATE],
  ];
  for (const changes of sound) accepted(...changes);
});

test("a convolution's cost is that of its places, and the family is one of its own", () => {
  const cost = accepted(...IMAGES);
  // 2 × 9 + 2 of the convolution, 8 × 2 + 2 of the last layer.
  expect([cost.inputs, cost.outputs, cost.parameters]).toEqual([36, 2, 20 + 18]);
  // 16 places of 2 channels with 9 products and a bias each; 18 of the last layer; 6 operations, 100 rows, 10 epochs.
  expect(cost.flops).toBe((16 * 2 * 10 + 18) * 6 * 1000);
  const strict = document(COLUMNS, { model_families: ["multilayer_perceptron"] });
  expect(broken(IMAGES, strict)).toEqual([expect.stringContaining("does not allow convolutional_network")]);
});

test("windows cost what they see, and an evaluation one way through the model", () => {
  const seen = accepted(...REGRESSION, windows(12, 3, 5));
  expect([seen.inputs, seen.parameters]).toEqual([24, 25]);
  // Windows start at 0, 5, …, 85 of 100 rows and touch 15 each.
  expect(seen.flops).toBe(25 * 6 * 10 * 18);
  // 100 rows of two inputs and a target; four of each of 25 numbers; a batch of 8 of 24 inputs and an output, both ways.
  expect(seen.memoryBytes).toBe(4 * (100 * 3 + 4 * 25 + 2 * 8 * 25));
  expect(accepted(...EVALUATION).flops).toBe(22 * 2 * 100);
});

test("columns have to be there, once, and of the right kind", () => {
  refused(
    [],
    [
      ["/data/features", ["x0", "nope"], "/data/features/1", "no column `nope`; it has x0, x1, y"],
      ["/data/features", ["x0", "x0"], "/data/features/1", "named twice"],
      ["/data/features", ["x0", "y"], "/data/features/1", "is the target"],
      ["/data/features", ["x0", "who"], "/data/features/1", "nothing is learnt from it"],
      ["/data/target", "who", "/data/target", "says whose row it is"],
      ["/data/target", "scan", "/data/target", "holds images"],
      ["/data/target", "nope", "/data/target", "no column `nope`"],
      ["/data/target", "price", "/task", "so the task is regression"],
      ["/data/target", "fold", "/task", "use multiclass_classification"],
      ["/task", "image_classification", "/data/features/0", "holds no images"],
    ],
  );
  refused(IMAGES, [["/data/features", ["scan", "x0"], "/data/features", "one column of images"]]);
  refused(REGRESSION, [["/data/target", "fold", "/task", "so the task is a classification"]]);
});

test("a layer that does not fit is named", () => {
  refused(
    [],
    [
      ["/layers", [], "/layers", "1 to 64"],
      ["/layers", [{ kind: "relu" }], "/layers/0", "the last layer is `linear`"],
      ["/layers", [linear(3)], "/layers/0", "3 units and the target needs 2"],
      ["/layers/0", { kind: "attention" }, "/layers/0/kind", "unknown variant"],
      ["/layers/1", { kind: "relu", slope: 1 }, "/layers/1/slope", "unknown field"],
      ["/layers/1", { kind: "dropout", rate: 0.95 }, "/layers/1/rate", "not between 0 and 0.9"],
      ["/layers/1", { kind: "conv1d", channels: 1, kernel: 0 }, "/layers/1/kernel", "0 is not between"],
      ["/layers/1", { kind: "conv2d", channels: 2 }, "/layers/1/kernel", "has to be a number"],
      ["/layers/1", { kind: "conv2d", channels: 2, kernel: 3, padding: 3 }, "/layers/1/padding", "not between 0 and 2"],
      ["/layers/1", { kind: "conv2d", channels: 2, kernel: 3, stride: null }, "/layers/1/stride", "has to be a number"],
      ["/layers/1", { kind: "conv2d", channels: 2, kernel: 3 }, "/layers/1", "put `as_image` before it"],
      ["/layers/1", { kind: "conv1d", channels: 2, kernel: 3 }, "/layers/1", "put `as_sequence` before it"],
      ["/layers/1", { kind: "max_pool", size: 2 }, "/layers/1", "takes an image or a sequence"],
      ["/layers/1", { kind: "group_norm", groups: 3 }, "/layers/1", "3 groups do not divide 4 channels"],
      ["/layers/1", { kind: "embedding", dimensions: 2 }, "/layers/1", "is the first layer"],
      ["/layers/0", { kind: "embedding", dimensions: 2 }, "/layers/0", "no feature is one"],
      ["/layers/0", { kind: "as_image", height: 2, width: 2, channels: 1 }, "/layers/0", "and 2 come in"],
      ["/layers/0", linear(2000), "/layers", "the publisher allows at most 10,000"],
    ],
  );
  refused(IMAGES, [
    ["/layers/4", { kind: "relu" }, "/layers/5", "put `flatten` before it"],
    ["/layers/4", { kind: "layer_norm" }, "/layers/4", "use `group_norm`"],
    ["/layers/3", { kind: "average_pool", size: 5 }, "/layers/3", "longer than what comes in"],
  ]);
});

test("every loss belongs to its tasks", () => {
  const weighted = (...class_weights: number[]) => ({ weighted_cross_entropy: { class_weights } });
  refused(
    [],
    [
      ["/loss", "mean_absolute_error", "/loss", "cross_entropy, weighted_cross_entropy or binary_cross_entropy"],
      ["/loss", { huber: { delta: 0.5 } }, "/loss", "trained with"],
      ["/loss", "binary_cross_entropy", "/layers/2", "2 units and the target needs 1"],
      ["/loss", weighted(1), "/loss/weighted_cross_entropy/class_weights", "1 weights and the target 2 categories"],
      ["/loss", weighted(1, 0), "/loss/weighted_cross_entropy/class_weights/1", "not between"],
      ["/loss", "hinge", "/loss", "is none of"],
    ],
  );
  refused(REGRESSION, [
    ["/loss", weighted(1, 3), "/loss", "mean_squared_error, mean_absolute_error or huber"],
    ["/loss", { huber: { delta: 0 } }, "/loss/huber/delta", "not between"],
    ["/loss", { huber: {} }, "/loss/huber/delta", "is missing"],
  ]);
  refused(IMAGES, [["/loss", "binary_cross_entropy", "/loss", "cross_entropy or weighted_cross_entropy"]]);
});

test("how it is learnt has its ranges", () => {
  const step = (every: number, factor: number) => ({ decay: { kind: "step", every, factor } });
  refused(
    [],
    [
      ["/version", 2, "/version", "the version is 1"],
      ["/optimizer", { kind: "adamw", learning_rate: 0.1, weight_decay: 2 }, "/optimizer/weight_decay", "not between"],
      ["/optimizer", { kind: "adamw", learning_rate: 0.1, momentum: 0.1 }, "/optimizer/momentum", "not part of"],
      ["/optimizer", { kind: "sgd", learning_rate: 0.1, momentum: 1 }, "/optimizer/momentum", "not between"],
      ["/schedule", { warm_up: 11 }, "/schedule/warm_up", "not between 0 and 10"],
      ["/schedule", { warmup: 1 }, "/schedule/warmup", "not part of"],
      ["/schedule", step(0, 0.5), "/schedule/decay/every", "not between"],
      ["/schedule", step(1, 2), "/schedule/decay/factor", "not between"],
      ["/schedule", { decay: { kind: "line" } }, "/schedule/decay/kind", "is none of step, cosine"],
      ["/training/gradient_clip", 0, "/training/gradient_clip", "not between"],
      ["/training/early_stopping", { patience: 0 }, "/training/early_stopping/patience", "not between"],
      ["/training/epochs", 0, "/training/epochs", "not between 1"],
      ["/training/seed", 2 ** 32, "/training/seed", "not between"],
      ["/limits/max_seconds", 601, "/limits/max_seconds", "at most 600"],
    ],
  );
  refused(
    [["/training/early_stopping", { patience: 3 }]],
    [["/split/test_fraction", 0, "/training/early_stopping", "needs rows held out"]],
  );
});

test("a column may say which rows are held out", () => {
  refused(
    [["/split/test_fraction", 0]],
    [
      [...by("fold", ["d"]), "/split/by/test/0", "`d` is none of a, b, c"],
      [...by("fold", []), "/split/by/test", "name some"],
      [...by("fold", ["a", "b", "c"]), "/split/by/test", "not all"],
      [...by("x0", ["a"]), "/split/by/column", "is a feature or the target"],
      [...by("y", ["a"]), "/split/by/column", "is a feature or the target"],
      [...by("price", ["a"]), "/split/by/column", "not a column of categories"],
      [...by("nope", ["a"]), "/split/by/column", "no column `nope`"],
    ],
  );
  refused([], [[...by("fold", ["b"]), "/split/test_fraction", "is 0 where a column says"]]);
});

test("windows are of rows that there are", () => {
  refused(REGRESSION, [
    [...windows(0, 1, 1), "/data/windows/length", "not between"],
    [...windows(1, 4097, 1), "/data/windows/horizon", "not between"],
    [...windows(1, 1, 0), "/data/windows/stride", "not between"],
    [...windows(90, 11, 1), "/data/windows", "spans 101 rows and there are 100"],
  ]);
  accepted(...REGRESSION, windows(90, 10, 1));
  refused([...REGRESSION, windows(2, 1, 1)], [[...by("fold", ["a"]), "/split/by", "the last are held out"]]);
});

test("a private job may not let rows decide about rows", () => {
  refused(
    [PRIVATE],
    [
      ["/training/early_stopping", { patience: 3 }, "/training/early_stopping", "may not"],
      [...by("fold", ["a"]), "/split/by", "may not"],
      [...windows(4, 1, 4), "/data/windows/stride", "use at least 5"],
      ["/privacy", { noise_multiplier: 0.29, clipping_norm: 1 }, "/privacy/noise_multiplier", "not between"],
      ["/privacy", { noise_multiplier: 1, clipping_norm: 1e5 }, "/privacy/clipping_norm", "not between"],
    ],
  );
  accepted(...REGRESSION, PRIVATE, windows(4, 1, 5));
  const privacy = { delta: 1e-3, epsilon_per_job: 2, epsilon_per_buyer: 100, epsilon_total: 100 };
  const strict = document(COLUMNS, { privacy });
  expect(broken([], strict)).toEqual([expect.stringMatching(/^\/privacy the publisher asks .* at least/)]);
  expect(broken([["/privacy", { noise_multiplier: 0.5, clipping_norm: 1 }]], strict)).toEqual([
    expect.stringMatching(/^\/privacy\/noise_multiplier epsilon could be .* allows 2 per job/),
  ]);
  expect(broken([PRIVATE], strict)).toEqual([]);
});

test("a job may begin with a model, and measure it alone", () => {
  refused(
    [START],
    [
      ["/start/key/recipient", `0x${"00".repeat(32)}`, "/start/key/recipient", "sealed to the provider's key"],
      ["/start/ciphertext_bytes", 0, "/start/ciphertext_bytes", "not between"],
      ["/start/ciphertext_bytes", 256 * 2 ** 20 + 1, "/start/ciphertext_bytes", "not between"],
      ["/start/model_sha256", "0x12", "/start/model_sha256", "64 hexadecimal digits"],
      ["/start/url", "https://example.org", "/start/url", "not part of"],
      ["/split/test_fraction", 0.6, "/split/test_fraction", "not between 0 and 0.5"],
    ],
  );
  refused(EVALUATION, [
    ["/split/test_fraction", 0, "/split/test_fraction", "rows have to be held out"],
    ["/training/early_stopping", { patience: 1 }, "/training/early_stopping", "could end early"],
    // Without a model there is nothing to measure.
    ["/start", null, "/training/epochs", "not between 1"],
  ]);
});

test("what is no spec is refused with its place, and null only where it may stand", () => {
  const places = (value: unknown): readonly string[] => {
    const read = readSpec(value);
    return "broken" in read ? read.broken.map(({ pointer }) => pointer) : [];
  };
  expect(places([])).toEqual([""]);
  expect(places({ ...spec(), data: undefined, more: 1, "a/b~c": 1 })).toEqual(["/data", "/more", "/a~1b~0c"]);
  expect(places(spec(["/data/asset", "42"]))).toEqual(["/data/asset"]);
  expect(places(spec(["/data/features", ["x0", 1]]))).toEqual(["/data/features/1"]);
  expect(places(spec(["/data/joined", null]))).toEqual(["/data/joined"]);
  expect(places(spec(["/schedule", null]))).toEqual(["/schedule"]);
  expect(places(spec(["/algorithm", "small net"]))).toEqual(["/algorithm"]);
  expect(places(spec(["/loss", { toString: 1 }]))).toEqual(["/loss"]);
  expect(places(JSON.parse('{"__proto__": {"version": 1}}'))).toContain("/version");
});
