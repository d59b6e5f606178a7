/** What a report tells of a model, in words and figures. */

import type { Report } from "../envelope/report.ts";
import { bytes, count, figure } from "../format.ts";

export type Figure = readonly [name: string, value: string];

/** Each only if the report has it. */
export function figuresOf(report: Report, modelBytes: number): Figure[] {
  const { test_accuracy: accuracy, train_rows: trained, test_rows: held, history, privacy, audit } = report;
  const told = (name: string, value: number | null): Figure[] => (value === null ? [] : [[name, figure(value)]]);
  const last = history.at(-1);
  return [
    ...(accuracy === null ? [] : [["Accuracy on held-out rows", `${figure(accuracy * 100)} %`] as const]),
    ...told("F1, mean of the classes", report.test_f1),
    ...told("Area under the curve (AUC)", report.test_auc),
    ...told("Log loss", report.test_log_loss),
    ...told("Typical error (RMSE)", report.test_rmse),
    ...told("Mean absolute error", report.test_mae),
    ...told("Variance explained (R²)", report.test_r2),
    // What only measures a model learns from no row.
    ...(trained > 0 ? [["Rows learned from", count(trained)] as const] : []),
    ["Rows held out", count(held)],
    ...(last && last.epoch < last.epochs
      ? [["Ended early", `after ${count(last.epoch)} of ${count(last.epochs)} epochs`] as const]
      : []),
    ...told("Last loss", report.final_loss),
    ...(privacy ? [["Privacy spent (epsilon)", figure(privacy.epsilon_micros / 1e6)] as const] : []),
    ...(audit?.tpr_at_1_percent_fpr == null
      ? []
      : [["Recognised by an attack", `${figure(audit.tpr_at_1_percent_fpr * 100)} % at 1 % false alarms`] as const]),
    ["Model", bytes(modelBytes)],
  ];
}
