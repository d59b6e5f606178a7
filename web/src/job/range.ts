/** Numbers that have to lie between two others. */

import { count } from "../format.ts";

/** What is wrong with a number, in words; nothing if it is in its range. A spec that was read from text may hold anything. */
export function outside(value: number, low: number, high: number, whole = true): string | undefined {
  if (typeof value !== "number" || Number.isNaN(value)) return "has to be a number";
  if (value < low || value > high) return `${value} is not between ${low} and ${count(high)}`;
  return whole && !Number.isInteger(value) ? `${value} has to be a whole number` : undefined;
}
