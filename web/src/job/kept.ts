/** The specs of this browser's orders: a closed page loses nothing, and a result can be loaded as it was described. */

import type { JobSpec } from "./spec.ts";
import { evaluates } from "./windows.ts";

const PREFIX = "atoll.order.";

export function keep(order: string, spec: JobSpec): void {
  localStorage.setItem(PREFIX + order.toLowerCase(), JSON.stringify(spec));
}

export function kept(order: string): JobSpec | undefined {
  const text = localStorage.getItem(PREFIX + order.toLowerCase());
  return text === null ? undefined : (JSON.parse(text) as JobSpec);
}

/** True of an order whose job is known here to measure a model and train none. */
export function measures(order: string): boolean {
  const spec = kept(order);
  return spec !== undefined && evaluates(spec);
}
