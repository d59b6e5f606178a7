/** What is done with the command line: several assets are paid for at once, which this page does not do. */

import { h } from "../h.ts";

/** A command that is copied as it stands. */
export function command(text: string): HTMLElement {
  return h("p", null, h("code", { class: "wide" }, text));
}

/** A job that is a published algorithm, on a data set. */
export function withAlgorithm(algorithm: string, dataset: string): HTMLElement[] {
  return [command(`atoll algorithm apply ${algorithm} --spec job.json --out mine.json`), command(`atoll buy ${dataset} --spec mine.json`)];
}
