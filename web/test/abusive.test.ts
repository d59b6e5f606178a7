import { readFileSync } from "node:fs";
import { expect, test } from "vitest";

import { checked, document, spec } from "../tools/example.ts";

interface Abuse {
  /** The member that is replaced. */
  at: string;
  /** What stands in its place, as it is. */
  raw: string;
  /** What stands in the place of `…` in it, how many times. */
  repeated?: string;
  times?: number;
  /** Where the refusal points to, or `not JSON`. */
  refused: string;
}

const VECTORS = new URL("../../protocol/tests/vectors/abusive-specs.json", import.meta.url);
const LIST = JSON.parse(readFileSync(VECTORS, "utf8")) as Abuse[];
const MARK = "a place for what is replaced";

/** The text of the whole spec. */
function text({ at, raw, repeated = "", times = 0 }: Abuse): string {
  return JSON.stringify(spec([at, MARK])).replace(`"${MARK}"`, () => raw.replace("…", () => repeated.repeat(times)));
}

/** Every refusal's place, or that the text is no JSON. */
function refusals(text: string): readonly string[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return ["not JSON"];
  }
  return (checked(value, document()).broken ?? []).map(({ pointer }) => pointer);
}

test("the sound spec is accepted, so that what is refused is refused for its own sake", () => {
  expect(refusals(JSON.stringify(spec()))).toEqual([]);
});

/** True if the first refusal is the one that the list tells of. */
function agrees({ at, raw, refused }: Abuse, first: string | undefined): boolean {
  // To JavaScript 1.0 is 1: what the page signs and sends is 1, and sound.
  if (at === "/version" && raw === "1.0") return first === undefined;
  if (!first) return false;
  // Here a number may be infinite; then it is out of its range.
  if (refused === "not JSON") return first === refused || (raw === "1e999" && first === at);
  // A member of the wrong type may be told of by what it is in.
  return refused === "/" || first.startsWith(refused) || refused.startsWith(first);
}

test("two hundred abusive specs are refused where the market refuses them", () => {
  expect(LIST.length).toBeGreaterThanOrEqual(200);
  const others = LIST.filter((abuse) => !agrees(abuse, refusals(text(abuse))[0]));
  expect(others.map((abuse) => [abuse.at, abuse.raw.slice(0, 60), refusals(text(abuse)).slice(0, 3)])).toEqual([]);
});
