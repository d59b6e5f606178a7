/** A spec that is changed in one thing, and in no more than what follows from it: finer layers than a form has stay. */

import type { AssetDocument, Column, ModelFamily } from "../document.ts";
import type { Layer } from "./layers.ts";
import {
  type Convolutions,
  convolutional,
  convolutionsFor,
  convolutionsOf,
  layersOf,
  type Network,
  networkOf,
  PLAIN,
} from "./network.ts";
import {
  familiesFor,
  familyOf,
  isImage,
  type JobSpec,
  kindOf,
  type Loss,
  type LossKind,
  lossesOf,
  outputsOf,
  type Task,
  taskOf,
  usualFamily,
  usualFeatures,
  usualLoss,
} from "./spec.ts";
import type { Windows } from "./windows.ts";

type Market = Pick<AssetDocument["atoll:market"], "columns" | "policy">;

/** Where the error of a Huber loss begins to be large: a twentieth of the target's range, which is −1 … 1. */
const USUAL_DELTA = 0.1;

/** The tasks that a target may have; that of the spec among them. */
export function tasksFor(target: Column, columns: readonly Column[], now: Task): Task[] {
  const usual = taskOf(target);
  if (usual === "regression") return [usual];
  return [...new Set([usual, ...(now === "regression" ? [] : [now]), ...ofImages(columns)])];
}

function ofImages(columns: readonly Column[]): Task[] {
  return columns.some(isImage) ? ["image_classification"] : [];
}

/** Predicts another column. Who learnt from all others still does. */
export function withTarget(spec: JobSpec, market: Market, name: string): JobSpec {
  const { columns, policy } = market;
  const target = columns.find((column) => column.name === name);
  if (!target) return spec;
  const { features, target: before } = spec.data;
  const all = usualFeatures(columns, before).every((one) => features.includes(one));
  const kept = [...features, ...(all ? [before] : [])].filter((one) => one !== name);
  const usual = taskOf(target);
  const task = spec.task === "image_classification" && usual !== "regression" ? spec.task : usual;
  const changed = refitted(
    {
      ...{ ...spec, task, loss: lossFor(spec.loss, task, target) },
      data: { ...spec.data, target: name, features: kept.length > 0 ? kept : usualFeatures(columns, name) },
    },
    target,
  );
  const families = familiesFor(target, columns, policy);
  if (policy.model_families.includes(familyOf(changed)) || families.length === 0) return changed;
  return withFamily(changed, market, usualFamily(target, families));
}

/** Learns another task of the same target. */
export function withTask(spec: JobSpec, market: Market, task: Task): JobSpec {
  const target = targetIn(spec, market);
  if (!target) return spec;
  const changed = refitted({ ...spec, task, loss: lossFor(spec.loss, task, target) }, target);
  if (task === "image_classification") return onImage(changed, market, target);
  if (spec.task !== "image_classification") return changed;
  const features = usualFeatures(market.columns, target.name);
  const tabular = { ...changed, data: { ...changed.data, features } };
  const same = features.join() === spec.data.features.join();
  // Convolutions are of one image and of nothing beside it.
  if (familyOf(spec) !== "convolutional_network" || same) return tabular;
  const families = familiesFor(target, market.columns, market.policy);
  return withFamily(
    tabular,
    market,
    families.filter((family) => family !== "convolutional_network").at(-1) ?? "multilayer_perceptron",
  );
}

/** A model of another family. */
export function withFamily(spec: JobSpec, market: Market, family: ModelFamily): JobSpec {
  const target = targetIn(spec, market);
  if (!target) return spec;
  if (family === "convolutional_network") {
    const task = spec.task === "regression" ? spec.task : "image_classification";
    return onImage({ ...spec, task }, market, target);
  }
  const now = networkOf(spec) ?? PLAIN;
  const network = { ...now, hidden: now.hidden.length > 0 ? now.hidden : PLAIN.hidden };
  return { ...spec, layers: layersOf(family, outputsOf(target, spec.loss), network) };
}

/** Other columns to learn from. Convolutions are made anew for another image. */
export function withFeatures(spec: JobSpec, market: Market, features: readonly string[]): JobSpec {
  const changed = { ...spec, data: { ...spec.data, features: [...features] } };
  const target = targetIn(spec, market);
  return target && features.length === 1 && convolutionsOf(spec) ? onImage(changed, market, target) : changed;
}

/** Another loss, with its usual numbers. */
export function withLoss(spec: JobSpec, market: Market, kind: LossKind): JobSpec {
  const target = targetIn(spec, market);
  return target ? refitted({ ...spec, loss: lossOf(kind, target) }, target) : spec;
}

/** Another optimiser, with its usual numbers and the same step size. */
export function withOptimizer(spec: JobSpec, kind: JobSpec["optimizer"]["kind"]): JobSpec {
  const { learning_rate } = spec.optimizer;
  return { ...spec, optimizer: kind === "sgd" ? { kind, learning_rate, momentum: 0.9 } : { kind, learning_rate } };
}

/** Another schedule. One that changes nothing is not there at all, and so is what it does not have. */
export function withSchedule({ schedule, ...spec }: JobSpec, part: NonNullable<JobSpec["schedule"]>): JobSpec {
  const { warm_up = 0, decay } = { ...schedule, ...part };
  const whole = { ...(warm_up !== 0 && { warm_up }), ...(decay && { decay }) };
  return Object.keys(whole).length > 0 ? { ...spec, schedule: whole } : spec;
}

/** Another training. What is null in it is not there. */
export function withTraining(spec: JobSpec, part: Partial<JobSpec["training"]>): JobSpec {
  const { gradient_clip, early_stopping, ...training } = { ...spec.training, ...part };
  const stops = early_stopping && { early_stopping };
  return { ...spec, training: { ...training, ...(typeof gradient_clip === "number" && { gradient_clip }), ...stops } };
}

/** Looks at several rows at once, or at single ones. */
export function withWindows(spec: JobSpec, windows: Windows | undefined): JobSpec {
  const { windows: _, ...data } = spec.data;
  return { ...spec, data: windows ? { ...data, windows } : data };
}

/** Other linear layers. */
export function withNetwork(spec: JobSpec, part: Partial<Network>): JobSpec {
  const network = { ...(networkOf(spec) ?? PLAIN), ...part };
  return { ...spec, layers: layersOf("multilayer_perceptron", outputsIn(spec), network) };
}

/** Other convolutions of the same image. */
export function withConvolutions(spec: JobSpec, part: Partial<Convolutions>): JobSpec {
  const [image] = spec.layers;
  const now = convolutionsOf(spec);
  if (image?.kind !== "as_image" || !now) return spec;
  const network = { ...now, ...part };
  // Without any it would be another family; so it is told that a number is missing.
  const channels = network.channels.length > 0 ? network.channels : [Number.NaN];
  return { ...spec, layers: convolutional(image, outputsIn(spec), { ...network, channels }) };
}

function targetIn({ data }: JobSpec, { columns }: Market): Column | undefined {
  return columns.find(({ name }) => name === data.target);
}

/** Units of the last layer. */
function outputsIn({ layers }: JobSpec): number {
  const last = layers.at(-1);
  return last?.kind === "linear" ? last.units : 1;
}

/** The same layers, of which the last gives what the target needs. */
function refitted(spec: JobSpec, target: Column): JobSpec {
  const last: Layer = { kind: "linear", units: outputsOf(target, spec.loss) };
  return spec.layers.at(-1)?.kind === "linear" ? { ...spec, layers: [...spec.layers.slice(0, -1), last] } : spec;
}

/** Learns from one image: by convolutions if the publisher allows them. */
function onImage(spec: JobSpec, { columns, policy }: Market, target: Column): JobSpec {
  const images = columns.filter(isImage);
  const image = images.find(({ name }) => spec.data.features.includes(name)) ?? images[0];
  if (image?.type.kind !== "image") return spec;
  const on = refitted({ ...spec, data: { ...spec.data, features: [image.name] } }, target);
  const [first] = spec.layers;
  const { height, width, channels } = image.type;
  const sees = first?.kind === "as_image" ? `${first.height} ${first.width} ${first.channels}` : "";
  const convolves = familyOf(spec) === "convolutional_network" && sees === `${height} ${width} ${channels}`;
  if (convolves || !policy.model_families.includes("convolutional_network")) return on;
  const outputs = outputsOf(target, spec.loss);
  const network = convolutionsOf(spec) ?? convolutionsFor(image.type, outputs, policy);
  return { ...on, layers: convolutional(image.type, outputs, network) };
}

/** The loss as it was if it is one of the task and the target, else the usual one. */
function lossFor(loss: Loss, task: Task, target: Column): Loss {
  const kind = kindOf(loss);
  if (!lossesOf(task).includes(kind)) return usualLoss(task);
  const weighs = typeof loss !== "string" && "weighted_cross_entropy" in loss;
  const classes = weighs ? loss.weighted_cross_entropy.class_weights.length : outputsOf(target);
  return classes === outputsOf(target) ? loss : lossOf(kind, target);
}

function lossOf(kind: LossKind, target: Column): Loss {
  if (kind === "huber") return { huber: { delta: USUAL_DELTA } };
  if (kind !== "weighted_cross_entropy") return kind;
  return { weighted_cross_entropy: { class_weights: Array<number>(outputsOf(target)).fill(1) } };
}
