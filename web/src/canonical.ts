/** The one text that stands for a JSON value (RFC 8785), and the hash that is taken of it. */

import type { Hex } from "viem";
import { keccak256, stringToBytes } from "viem/utils";

/** RFC 8785 writes numbers and strings as ECMAScript does; what is left is the order of names, by UTF-16 code units. */
export function canonical(value: unknown): string {
  if (typeof value === "number" && !Number.isFinite(value)) throw new RangeError(`${value} can not be written as JSON`);
  if (Array.isArray(value)) return `[${value.map((item) => canonical(item === undefined ? null : item)).join(",")}]`;
  if (value !== null && typeof value === "object") {
    const members = Object.entries(value).filter(([, member]) => member !== undefined);
    members.sort(([a], [b]) => (a < b ? -1 : 1));
    return `{${members.map(([name, member]) => `${JSON.stringify(name)}:${canonical(member)}`).join(",")}}`;
  }
  return JSON.stringify(value);
}

/** keccak-256 of the canonical text. */
export function canonicalHash(value: unknown): Hex {
  return keccak256(stringToBytes(canonical(value)));
}
