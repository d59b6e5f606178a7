/** What a check finds: every rule that is broken, with its place. */

import { outside } from "../range.ts";

export interface Broken {
  /** JSON pointer (RFC 6901) into the spec. */
  readonly pointer: string;
  /** What is wrong, and what would be right. */
  readonly message: string;
}

export class Rules {
  readonly broken: Broken[] = [];

  say(pointer: string, message: string): void {
    this.broken.push({ pointer, message });
  }

  /** A whole number of a range. */
  whole(pointer: string, value: number, low: number, high: number): void {
    this.#within(pointer, outside(value, low, high));
  }

  /** A number of a range. */
  within(pointer: string, value: number, low: number, high: number): void {
    this.#within(pointer, outside(value, low, high, false));
  }

  #within(pointer: string, message: string | undefined): void {
    if (message !== undefined) this.say(pointer, message);
  }
}

/** The column's name, or that there is none of that name. */
export function noColumn(name: string, columns: readonly { readonly name: string }[]): string {
  return `the data set has no column \`${name}\`; it has ${columns.map((column) => column.name).join(", ")}`;
}
