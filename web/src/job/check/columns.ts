/** The rules of what a model sees and predicts, and of layers that fit both (`protocol::job::check`, `columns` and `model`). */

import type { Column } from "../../document.ts";
import { type Block, type Model, modelOf } from "../layers.ts";
import { blockOf, canBeLearnt, canBePredicted, isImage, type JobSpec, outputsOf } from "../spec.ts";
import { seenAtOnce } from "../windows.ts";
import { noColumn, type Rules } from "./rules.ts";

/** Checks the columns that the model sees. Gives its inputs. */
export function features(rules: Rules, { data, task }: JobSpec, columns: readonly Column[]): Block[] {
  const ofImages = task === "image_classification";
  const seen = new Set<string>();
  const inputs: Block[] = [];
  if (data.features.length === 0) rules.say("/data/features", "choose at least one column to learn from");
  data.features.forEach((name, at) => {
    const pointer = `/data/features/${at}`;
    const column = columns.find((one) => one.name === name);
    if (seen.has(name)) rules.say(pointer, `\`${name}\` is named twice`);
    seen.add(name);
    if (name === data.target) rules.say(pointer, `\`${name}\` is the target; a model may not see what it predicts`);
    if (!column) return rules.say(pointer, noColumn(name, columns));
    if (!canBeLearnt(column)) return rules.say(pointer, `\`${name}\` says whose row it is; nothing is learnt from it`);
    if (ofImages && !isImage(column))
      rules.say(pointer, `\`${name}\` holds no images; image_classification takes one column of images`);
    inputs.push(blockOf(column));
  });
  if (ofImages && inputs.length > 1) rules.say("/data/features", "image_classification takes one column of images");
  return inputs;
}

/** Checks that layers, inputs and target fit each other; nothing if the layers do not fit the inputs. */
export function model(
  rules: Rules,
  spec: JobSpec,
  inputs: readonly Block[],
  columns: readonly Column[],
): Model | undefined {
  const needed = outputs(rules, spec, columns);
  const pointer = `/layers/${spec.layers.length - 1}`;
  const last = spec.layers.at(-1);
  if (last && needed !== undefined) {
    if (last.kind !== "linear")
      rules.say(pointer, "the last layer is `linear`, with one unit per class or one for a number");
    else if (last.units !== needed)
      rules.say(pointer, `the last layer has ${last.units} units and the target needs ${needed}`);
  }
  const made = modelOf(spec.layers, seenAtOnce(spec, inputs));
  if ("model" in made) return made.model;
  // What is out of range has been said.
  for (const { layer, member, message } of made.errors)
    if (member === undefined) rules.say(`/layers/${layer}`, message);
  return undefined;
}

/** What the model has to give for the target; nothing if that can not be said. */
function outputs(rules: Rules, { data, loss, task }: JobSpec, columns: readonly Column[]): number | undefined {
  const name = data.target;
  const target = columns.find((column) => column.name === name);
  if (!target) {
    rules.say("/data/target", noColumn(name, columns));
    return undefined;
  }
  if (!canBePredicted(target)) {
    const holds = isImage(target) ? "holds images" : "says whose row it is";
    rules.say("/data/target", `\`${name}\` ${holds}; a model learns to predict a number or a category`);
    return undefined;
  }
  const categories = target.type.kind === "category" ? target.type.values.length : undefined;
  const wrong = unfit(task, categories);
  if (wrong !== undefined) {
    rules.say("/task", wrong);
    return undefined;
  }
  if (typeof loss !== "string" && "weighted_cross_entropy" in loss) {
    const { length } = loss.weighted_cross_entropy.class_weights;
    if (categories !== undefined && length !== categories)
      rules.say(
        "/loss/weighted_cross_entropy/class_weights",
        `has ${length} weights and the target ${categories} categories`,
      );
  }
  return outputsOf(target, loss);
}

/** Why a task is not one of such a target. */
function unfit(task: JobSpec["task"], categories: number | undefined): string | undefined {
  if (categories === undefined)
    return task === "regression" ? undefined : "the target is a number, so the task is regression";
  if (task === "regression") return "the target is a category, so the task is a classification";
  return task === "binary_classification" && categories !== 2
    ? `the target has ${categories} categories; use multiclass_classification`
    : undefined;
}
