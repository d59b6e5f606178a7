/** A line of an asset's facts. */

import { type Child, h } from "../../h.ts";

export function fact(name: string, ...value: Child[]): HTMLElement[] {
  return [h("dt", null, name), h("dd", null, ...value)];
}
