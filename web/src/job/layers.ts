/**
 * The layers that a model may have, and what they make of its inputs: shapes, the tensors that they learn and their work, as
 * `protocol::job::layer` and `protocol::job::model` have them.
 */

import type { Schema } from "../api/client.ts";
import { outside } from "./range.ts";

export type Layer = Schema["Layer"];

export const MAX_LAYERS = 64;
const MAX_UNITS = 16_384;
const MAX_KERNEL = 64;
/** Most numbers between two layers. */
const MAX_WIDTH = 2 ** 32;

/** How the numbers between two layers lie. */
export type Shape =
  | { readonly kind: "flat"; readonly width: number }
  | { readonly kind: "sequence"; readonly length: number; readonly channels: number }
  | { readonly kind: "image"; readonly height: number; readonly width: number; readonly channels: number };

/** Inputs of a model that belong together: so many numbers, or one category of so many, as one input each. */
export interface Block {
  readonly kind: "numbers" | "category";
  readonly inputs: number;
}

/** A tensor that a layer learns; name and shape are PyTorch's. */
export interface Parameter {
  readonly name: string;
  readonly shape: readonly number[];
}

/** What a layer makes of its inputs. */
export interface Step {
  readonly layer: Layer;
  readonly input: Shape;
  readonly output: Shape;
  readonly parameters: readonly Parameter[];
  /** Multiplications with what it learns, for one row of data. */
  readonly products: number;
}

/** Layers that fit each other. */
export interface Model {
  readonly inputs: readonly Block[];
  readonly steps: readonly Step[];
}

/** What is wrong with a layer: with one of its members, or with its place among the others. */
export interface LayerError {
  readonly layer: number;
  readonly member?: string;
  readonly message: string;
}

/** A model, or what is wrong with its layers. */
export type Modelled = { readonly model: Model } | { readonly errors: readonly LayerError[] };

/** A layer without what it would be anyway: a stride of 1 and a padding of 0, as the market writes it. */
export function short(layer: Layer): Layer {
  if (layer.kind !== "conv1d" && layer.kind !== "conv2d") return layer;
  const { stride = 1, padding = 0, ...rest } = layer;
  return { ...rest, ...(stride !== 1 && { stride }), ...(padding !== 0 && { padding }) };
}

/** Numbers of one row of data. */
export function numbersOf(shape: Shape): number {
  return placesOf(shape) * channelsOf(shape);
}

/** Points or pixels; 1 if flat. */
function placesOf(shape: Shape): number {
  if (shape.kind === "flat") return 1;
  return shape.kind === "sequence" ? shape.length : shape.height * shape.width;
}

/** Numbers in a place; all if flat. */
export function channelsOf(shape: Shape): number {
  return shape.kind === "flat" ? shape.width : shape.channels;
}

function words(shape: Shape): string {
  if (shape.kind === "flat") return `${shape.width} numbers`;
  if (shape.kind === "sequence") return `a sequence of ${shape.length} points with ${shape.channels} channels`;
  return `an image of ${shape.height} × ${shape.width} pixels with ${shape.channels} channels`;
}

/** What comes out of a model; its inputs, if it has no layers. */
export function outputOf({ inputs, steps }: Model): Shape {
  return steps.at(-1)?.output ?? { kind: "flat", width: widthOf(inputs) };
}

function widthOf(inputs: readonly Block[]): number {
  return inputs.reduce((sum, block) => sum + block.inputs, 0);
}

/** The layers on these inputs; or each layer that is out of range, or else the first that does not fit. */
export function modelOf(layers: readonly Layer[], inputs: readonly Block[]): Modelled {
  const wrong = outOfRange(layers);
  if (wrong.length > 0) return { errors: wrong };
  const steps: Step[] = [];
  let input: Shape = { kind: "flat", width: widthOf(inputs) };
  for (const [place, layer] of layers.entries()) {
    const made = stepOf(place, layer, input, inputs);
    if (typeof made === "string") return { errors: [{ layer: place, message: made }] };
    const step: Step = { layer, input, parameters: [], products: 0, ...made };
    if (numbersOf(step.output) > MAX_WIDTH || step.products > MAX_WIDTH * 2 ** 8)
      return { errors: [{ layer: place, message: "the layer is far too large; declare fewer units or channels" }] };
    steps.push(step);
    input = step.output;
  }
  return { model: { inputs, steps } };
}

/** A member's least and most; one that may be absent has a value for that. */
interface Range {
  readonly low: number;
  readonly high: number;
  readonly absent?: number;
  readonly part?: true;
}

const UNITS: Range = { low: 1, high: MAX_UNITS };
const SIDE: Range = { low: 1, high: MAX_KERNEL };

function convolution({ kernel }: { kernel: number }): Record<string, Range> {
  const padding = Math.min(Math.max(kernel, 1), MAX_KERNEL) - 1;
  return {
    channels: UNITS,
    kernel: SIDE,
    stride: { ...SIDE, absent: 1 },
    padding: { low: 0, high: padding, absent: 0 },
  };
}

/** The members of a layer beside its kind; nothing of a kind that there is not. */
function membersOf(layer: Layer): Record<string, Range> | undefined {
  switch (layer.kind) {
    case "linear":
      return { units: UNITS };
    case "embedding":
      return { dimensions: UNITS };
    case "as_image":
      return { height: UNITS, width: UNITS, channels: UNITS };
    case "as_sequence":
      return { length: { low: 1, high: 2 ** 20 }, channels: UNITS };
    case "conv1d":
    case "conv2d":
      return convolution(layer);
    case "max_pool":
    case "average_pool":
      return { size: SIDE };
    case "group_norm":
      return { groups: UNITS };
    case "dropout":
      return { rate: { low: 0, high: 0.9, part: true } };
    case "flatten":
    case "layer_norm":
    case "relu":
    case "tanh":
    case "sigmoid":
    case "gelu":
    case "softplus":
      return {};
    default:
      return undefined;
  }
}

/** Numbers of the layers that are out of their range, whatever the inputs are. */
export function outOfRange(layers: readonly Layer[]): LayerError[] {
  return layers.flatMap((layer, place): LayerError[] => {
    const members = membersOf(layer);
    if (!members) return [{ layer: place, member: "kind", message: `unknown variant \`${(layer as Layer).kind}\`` }];
    const given = new Map<string, unknown>(Object.entries(layer));
    const unknown = [...given.keys()].filter((name) => name !== "kind" && !Object.hasOwn(members, name));
    const wrong = Object.entries(members).flatMap(([member, { low, high, absent, part }]): LayerError[] => {
      const value = given.has(member) ? given.get(member) : absent;
      const message = outside(value as number, low, high, !part);
      return message === undefined ? [] : [{ layer: place, member, message }];
    });
    return [...unknown.map((member) => ({ layer: place, member, message: `unknown field \`${member}\`` })), ...wrong];
  });
}

type Made = Pick<Step, "output"> & Partial<Pick<Step, "parameters" | "products">>;

/** What a layer makes of its inputs, or why it does not fit them. */
function stepOf(place: number, layer: Layer, input: Shape, inputs: readonly Block[]): Made | string {
  const learnt = (name: string, ...shape: number[]): Parameter => ({ name: `${place}.${name}`, shape });
  switch (layer.kind) {
    case "linear": {
      if (input.kind !== "flat")
        return `\`linear\` takes one row of numbers and gets ${words(input)}; put \`flatten\` before it`;
      const { units } = layer;
      return {
        output: { kind: "flat", width: units },
        parameters: [learnt("weight", units, input.width), learnt("bias", units)],
        products: input.width * units,
      };
    }
    case "embedding": {
      if (place > 0) return "`embedding` is the first layer: it takes the declared categories";
      const categories = inputs.filter(({ kind }) => kind === "category");
      if (categories.length === 0) return "`embedding` takes categories, and no feature is one; leave it out";
      const { dimensions } = layer;
      const passing = widthOf(inputs) - widthOf(categories);
      return {
        output: { kind: "flat", width: passing + categories.length * dimensions },
        parameters: categories.map((block, column) => learnt(`${column}.weight`, block.inputs, dimensions)),
        products: widthOf(categories) * dimensions,
      };
    }
    case "as_image": {
      const { height, width, channels } = layer;
      return sameSize(layer.kind, input, { kind: "image", height, width, channels });
    }
    case "as_sequence": {
      const { length, channels } = layer;
      return sameSize(layer.kind, input, { kind: "sequence", length, channels });
    }
    case "conv1d": {
      if (input.kind !== "sequence")
        return `\`conv1d\` takes a sequence and gets ${words(input)}; put \`as_sequence\` before it`;
      const { channels, kernel } = layer;
      const length = placesAlong(input.length, layer);
      if (typeof length === "string") return length;
      return {
        output: { kind: "sequence", length, channels },
        parameters: [learnt("weight", channels, input.channels, kernel), learnt("bias", channels)],
        products: length * channels * input.channels * kernel,
      };
    }
    case "conv2d": {
      if (input.kind !== "image")
        return `\`conv2d\` takes an image and gets ${words(input)}; put \`as_image\` before it`;
      const { channels, kernel } = layer;
      const height = placesAlong(input.height, layer);
      const width = placesAlong(input.width, layer);
      if (typeof height === "string") return height;
      if (typeof width === "string") return width;
      return {
        output: { kind: "image", height, width, channels },
        parameters: [learnt("weight", channels, input.channels, kernel, kernel), learnt("bias", channels)],
        products: height * width * channels * input.channels * kernel * kernel,
      };
    }
    case "max_pool":
    case "average_pool":
      return pooled(input, layer.size);
    case "flatten":
      return { output: { kind: "flat", width: numbersOf(input) } };
    case "layer_norm": {
      if (input.kind !== "flat")
        return `\`layer_norm\` takes one row of numbers and gets ${words(input)}; use \`group_norm\`, or put \`flatten\` before it`;
      const { width } = input;
      return { output: input, parameters: [learnt("weight", width), learnt("bias", width)], products: width };
    }
    case "group_norm": {
      const channels = channelsOf(input);
      if (channels % layer.groups !== 0) return `${layer.groups} groups do not divide ${channels} channels`;
      return {
        output: input,
        parameters: [learnt("weight", channels), learnt("bias", channels)],
        products: numbersOf(input),
      };
    }
    default:
      return { output: input };
  }
}

function sameSize(kind: string, input: Shape, output: Shape): Made | string {
  const [given, taken] = [numbersOf(input), numbersOf(output)];
  return given === taken ? { output } : `\`${kind}\` makes ${words(output)} of ${taken} numbers, and ${given} come in`;
}

function pooled(input: Shape, size: number): Made | string {
  const along = (side: number): number | string => placesAlong(side, { kernel: size, stride: size });
  if (input.kind === "flat") return `a pool takes an image or a sequence and gets ${words(input)}`;
  if (input.kind === "sequence") {
    const length = along(input.length);
    return typeof length === "string" ? length : { output: { ...input, length } };
  }
  const [height, width] = [along(input.height), along(input.width)];
  if (typeof height === "string") return height;
  return typeof width === "string" ? width : { output: { ...input, height, width } };
}

/** Places that a kernel or a pool has along a side, or why there are none. */
function placesAlong(
  side: number,
  { kernel, stride = 1, padding = 0 }: { kernel: number; stride?: number; padding?: number },
): number | string {
  const left = side + 2 * padding - kernel;
  if (left < 0) return `a side of ${kernel} is longer than what comes in, ${side} and its padding`;
  return Math.floor(left / stride) + 1;
}
