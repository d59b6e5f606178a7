/** A moment, in the visitor's own words and for programs. */

import { moment } from "../format.ts";
import { h } from "../h.ts";

export function when(time: string | number): HTMLElement {
  return h("time", { datetime: new Date(typeof time === "number" ? time * 1000 : time).toISOString() }, moment(time));
}
