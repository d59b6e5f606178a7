/** Reads the JSON that was sealed. What has another form throws `Refused`. */

import { Refused } from "./error.ts";

export function object(value: unknown): Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw new Refused();
  return value as Record<string, unknown>;
}

export function number(value: unknown): number {
  if (typeof value !== "number") throw new Refused();
  return value;
}

export function text(value: unknown): string {
  if (typeof value !== "string") throw new Refused();
  return value;
}

export function list<T>(value: unknown, item: (value: unknown) => T): T[] {
  if (!Array.isArray(value)) throw new Refused();
  return value.map(item);
}

export function orNull<T>(value: unknown, present: (value: unknown) => T): T | null {
  return value === null || value === undefined ? null : present(value);
}
