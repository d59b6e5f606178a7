/** Networks as the form has them, and the layers that they are; a spec may have finer layers, which the form only keeps. */

import type { ColumnKind, ModelFamily, Policy } from "../document.ts";
import { type Layer, modelOf, numbersOf, short } from "./layers.ts";
import type { JobSpec } from "./spec.ts";

export const ACTIVATIONS = ["relu", "gelu", "softplus", "tanh", "sigmoid"] as const;
export type Activation = (typeof ACTIVATIONS)[number];
export type Image = Extract<ColumnKind, { kind: "image" }>;

/** Linear layers with an activation between them. */
export interface Network {
  readonly hidden: readonly number[];
  readonly activation: Activation;
  readonly dropout: number;
}

/** Convolutions of an image, each with an activation and, while there is room, a pool after it; then one linear layer. */
export interface Convolutions {
  /** Channels of each. */
  readonly channels: readonly number[];
  /** Side of their kernels. */
  readonly kernel: number;
  readonly activation: Activation;
  /** Before the last layer. */
  readonly dropout: number;
  /** Each convolution's channels together brought to mean 0 and variance 1. */
  readonly normalised: boolean;
}

export const PLAIN: Network = { hidden: [16], activation: "relu", dropout: 0 };

/** The layers of a family that is not one of images. */
export function layersOf(family: ModelFamily, outputs: number, { hidden, activation, dropout }: Network): Layer[] {
  const within = family === "multilayer_perceptron" ? hidden : [];
  const inner = within.flatMap((units): Layer[] => [
    { kind: "linear", units },
    { kind: activation },
    ...dropping(dropout),
  ]);
  return [...inner, { kind: "linear", units: outputs }];
}

function dropping(rate: number): Layer[] {
  return rate === 0 ? [] : [{ kind: "dropout", rate }];
}

/** Pools need a side that is still worth halving. */
const POOLED = 4;

/** The layers of a convolutional network on an image. */
export function convolutional(
  { height, width, channels }: Pick<Image, "height" | "width" | "channels">,
  outputs: number,
  network: Convolutions,
): Layer[] {
  const { kernel, activation, dropout, normalised } = network;
  const padding = (kernel - 1) >> 1;
  const layers: Layer[] = [{ kind: "as_image", height, width, channels }];
  let side = Math.min(height, width);
  for (const channels of network.channels) {
    layers.push(short({ kind: "conv2d", channels, kernel, padding }));
    if (normalised) layers.push({ kind: "group_norm", groups: 1 });
    layers.push({ kind: activation });
    side += 2 * padding - kernel + 1;
    if (side < POOLED) continue;
    layers.push({ kind: "max_pool", size: 2 });
    side = Math.floor(side / 2);
  }
  return [...layers, { kind: "flatten" }, ...dropping(dropout), { kind: "linear", units: outputs }];
}

/** The hidden layers of a spec, if the form can show them: one activation throughout, the same dropout after each. */
export function networkOf({ layers }: Pick<JobSpec, "layers">): Network | undefined {
  const hidden = layers.slice(0, -1).flatMap((layer) => (layer.kind === "linear" ? [layer.units] : []));
  const network = { hidden, activation: activationOf(layers), dropout: dropoutOf(layers) };
  return alike(layersOf("multilayer_perceptron", outputsIn(layers), network), layers) ? network : undefined;
}

/** The convolutions of a spec, if the form can show them. */
export function convolutionsOf({ layers }: Pick<JobSpec, "layers">): Convolutions | undefined {
  const [image] = layers;
  const all = layers.flatMap((layer) => (layer.kind === "conv2d" ? [layer] : []));
  const [first] = all;
  if (image?.kind !== "as_image" || !first) return undefined;
  const network: Convolutions = {
    channels: all.map(({ channels }) => channels),
    kernel: first.kernel,
    activation: activationOf(layers),
    dropout: dropoutOf(layers),
    normalised: layers.some(({ kind }) => kind === "group_norm"),
  };
  return alike(convolutional(image, outputsIn(layers), network), layers) ? network : undefined;
}

function activationOf(layers: readonly Layer[]): Activation {
  return ACTIVATIONS.find((activation) => layers.some(({ kind }) => kind === activation)) ?? PLAIN.activation;
}

function dropoutOf(layers: readonly Layer[]): number {
  return layers.find((layer) => layer.kind === "dropout")?.rate ?? 0;
}

function outputsIn(layers: readonly Layer[]): number {
  const last = layers.at(-1);
  return last?.kind === "linear" ? last.units : 0;
}

/** True of layers with the same members, in whatever order those were written. */
function alike(one: readonly Layer[], other: readonly Layer[]): boolean {
  const text = (layers: readonly Layer[]): string =>
    JSON.stringify(layers.map((layer) => Object.entries(short(layer)).sort(([a], [b]) => (a < b ? -1 : 1))));
  return text(one) === text(other);
}

/** Channels from the widest on, each with a third and further convolutions if that makes the last layer smaller. */
const CHANNELS = [16, 8, 4, 2].flatMap((first) =>
  [2, 3, 4, 5, 6].map((count) => [first, ...Array<number>(count - 1).fill(2 * first)]),
);
/** Rows per step that a network should have memory for at least. */
const FEW_ROWS = 16;

/** A small network for an image: the widest of usual ones that is within the publisher's limits. */
export function convolutionsFor(image: Image, outputs: number, policy: Policy): Convolutions {
  const of = (channels: readonly number[]): Convolutions => ({
    channels,
    kernel: 3,
    activation: "relu",
    dropout: 0,
    normalised: false,
  });
  const fits = (channels: readonly number[]): boolean => {
    const inputs = [{ kind: "numbers" as const, inputs: image.height * image.width * image.channels }];
    const made = modelOf(convolutional(image, outputs, of(channels)), inputs);
    if (!("model" in made)) return false;
    const { steps } = made.model;
    const learnt = steps.flatMap(({ parameters }) => parameters.map(({ shape }) => shape.reduce((a, b) => a * b, 1)));
    const between = steps.reduce((sum, { output }) => sum + numbersOf(output), 0);
    // A batch, both ways, in half of the memory: the table needs the rest.
    const batch = between * 2 * 4 * FEW_ROWS;
    return learnt.reduce((a, b) => a + b, 0) <= policy.max_parameters && batch <= (policy.max_memory_mib * 2 ** 20) / 2;
  };
  return of(CHANNELS.find(fits) ?? [2, 4]);
}
