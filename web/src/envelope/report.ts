/** The end of a training, as it is sealed to the buyer beside the model. Names are those of the format. */

import { list, number, object, orNull, text } from "./json.ts";

/** One epoch's end. */
export interface Progress {
  /** Epochs done, from 1. */
  epoch: number;
  /** Epochs declared. */
  epochs: number;
  /** Mean training loss of this epoch; null of a private job. */
  loss: number | null;
  /** Accuracy, or root mean square error for a regression; null if too few rows are held out, and of a private job. */
  test_metric: number | null;
}

/** A linear map from the declared bounds to −1 … 1; for the bytes of an image, to 0 … 1. */
export interface Scaling {
  offset: number;
  scale: number;
}

/** One input of the model, or all those of one image. */
export interface Input {
  /** Column it is made from. */
  column: string;
  /** The category that this input is 1 for, or null for a number or an image. */
  category: string | null;
  /** For a number: input = (value − offset) / scale, after clamping to the declared bounds. For an image: of each byte. */
  scaling: Scaling | null;
  /** Size of an image, whose bytes are as many inputs, one after the other. */
  image?: { height: number; width: number; channels: number };
}

/** What the trainer tells of its work. */
export interface Report {
  train_rows: number;
  test_rows: number;
  /** Classification only. */
  test_accuracy: number | null;
  /** Mean over the classes; classification only. */
  test_f1: number | null;
  /** Area under the receiver operating characteristic; classification only, and null of a private job. */
  test_auc: number | null;
  /** Classification only, and null of a private job. */
  test_log_loss: number | null;
  /** Root mean square error, regression only, in the target's own unit. */
  test_rmse: number | null;
  /** Mean absolute error, regression only, in the target's own unit; null of a private job. */
  test_mae: number | null;
  /** Part of the target's variance that the model explains; regression only, and null of a private job. */
  test_r2: number | null;
  /**
   * For each class, of the held-out rows of that class the share that the model took for each class; null for a class of
   * too few such rows. Empty for a regression and for very many classes.
   */
  test_confusion: (number[] | null)[];
  /** Null of a private job. */
  final_loss: number | null;
  history: Progress[];
  /** In the model's order. */
  inputs: Input[];
  /** In the order of the outputs; empty for a regression. */
  classes: string[];
  /** Value = output × scale + offset; null for a classification. */
  output_scaling: Scaling | null;
  /** What a private job gives away; null for an exact training. */
  privacy: Privacy | null;
  /** How well an attack tells what the model has seen; null if too few rows, or if nothing was trained. */
  audit: Audit | null;
  /** Name and version of the trainer. */
  trainer: string;
}

/** What a private job gives away of a row. */
export interface Privacy {
  /** Millionths of epsilon. */
  epsilon_micros: number;
  /** Probability that epsilon does not hold. */
  delta: number;
  /** Probability of a row in a step, and how many steps there were. */
  sampling_rate: number;
  steps: number;
  /** How epsilon was computed. */
  accountant: string;
}

/** Success of a membership inference. */
export interface Audit {
  attack: string;
  /** What the model has seen, and what it has not. */
  members: number;
  others: number;
  /** Part of the members that are recognised where 1 %, or 0.1 %, of the others are mistaken; null if they are too few. */
  tpr_at_1_percent_fpr: number | null;
  tpr_at_01_percent_fpr: number | null;
}

/** The report that this JSON is. Throws `Refused` if it is none; members that are not known are left out. */
export function readReport(value: unknown): Report {
  const report = object(value);
  return {
    train_rows: number(report["train_rows"]),
    test_rows: number(report["test_rows"]),
    test_accuracy: orNull(report["test_accuracy"], number),
    test_f1: orNull(report["test_f1"], number),
    test_auc: orNull(report["test_auc"], number),
    test_log_loss: orNull(report["test_log_loss"], number),
    test_rmse: orNull(report["test_rmse"], number),
    test_mae: orNull(report["test_mae"], number),
    test_r2: orNull(report["test_r2"], number),
    test_confusion: list(report["test_confusion"], (row) => orNull(row, (shares) => list(shares, number))),
    final_loss: orNull(report["final_loss"], number),
    history: list(report["history"], (item) => {
      const { epoch, epochs, loss, test_metric } = object(item);
      return { epoch: number(epoch), epochs: number(epochs), loss: orNull(loss, number), test_metric: orNull(test_metric, number) };
    }),
    inputs: list(report["inputs"], (item) => {
      const input = object(item);
      return {
        column: text(input["column"]),
        category: orNull(input["category"], text),
        scaling: orNull(input["scaling"], scaling),
        ...(input["image"] !== undefined && { image: image(input["image"]) }),
      };
    }),
    classes: list(report["classes"], text),
    output_scaling: orNull(report["output_scaling"], scaling),
    privacy: orNull(report["privacy"], readPrivacy),
    audit: orNull(report["audit"], audit),
    trainer: text(report["trainer"]),
  };
}

export function readPrivacy(value: unknown): Privacy {
  const { epsilon_micros, delta, sampling_rate, steps, accountant } = object(value);
  return {
    ...{ epsilon_micros: number(epsilon_micros), delta: number(delta), sampling_rate: number(sampling_rate) },
    ...{ steps: number(steps), accountant: text(accountant) },
  };
}

function audit(value: unknown): Audit {
  const { attack, members, others, tpr_at_1_percent_fpr, tpr_at_01_percent_fpr } = object(value);
  return {
    ...{ attack: text(attack), members: number(members), others: number(others) },
    tpr_at_1_percent_fpr: orNull(tpr_at_1_percent_fpr, number),
    tpr_at_01_percent_fpr: orNull(tpr_at_01_percent_fpr, number),
  };
}

function scaling(value: unknown): Scaling {
  const { offset, scale } = object(value);
  return { offset: number(offset), scale: number(scale) };
}

function image(value: unknown): { height: number; width: number; channels: number } {
  const { height, width, channels } = object(value);
  return { height: number(height), width: number(width), channels: number(channels) };
}
