/** The specs of this browser's orders: a closed page loses nothing, and a result can be loaded as it was described. */

import type { JobSpec } from "./spec.ts";
import { type Declared, isStatistics } from "./statistics.ts";

const PREFIX = "atoll.order.";

export function keep(order: string, spec: Declared): void {
  localStorage.setItem(PREFIX + order.toLowerCase(), JSON.stringify(spec));
}

export function kept(order: string): Declared | undefined {
  const text = localStorage.getItem(PREFIX + order.toLowerCase());
  return text === null ? undefined : (JSON.parse(text) as Declared);
}

/** The spec of an order's model, if it is known here and of a model. */
export function keptModel(order: string): JobSpec | undefined {
  const spec = kept(order);
  return spec && !isStatistics(spec) ? spec : undefined;
}
