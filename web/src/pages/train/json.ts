/** The spec as text, for whoever wants all of it, or to keep it. */

import { typed } from "../../components/field.ts";
import { h } from "../../h.ts";
import type { JobSpec } from "../../job/spec.ts";
import { onEnd, untracked } from "../../signal.ts";
import type { Draft } from "./page.ts";

export function json(draft: Draft): HTMLElement {
  const read = (text: string): void => {
    try {
      draft.spec.set(shaped(JSON.parse(text)));
      draft.unread.set(undefined);
    } catch (error) {
      draft.unread.set(error instanceof Error ? error.message : String(error));
    }
  };
  // Back in the form, what counts is the last spec that could be read.
  onEnd(() => draft.unread.set(undefined));
  return h(
    "div",
    { class: "field" },
    h("label", { for: "spec" }, "Job spec, version 1"),
    h("textarea", {
      id: "spec",
      class: "code",
      spellcheck: "false",
      "aria-describedby": "spec-wrong",
      disabled: draft.fixed,
      value: JSON.stringify(untracked(draft.spec), null, 2),
      oninput: (event: Event) => read(typed(event)),
    }),
    h("p", { class: "wrong", id: "spec-wrong", role: "alert" }, draft.unread),
    h("p", { class: "hint" }, "The same that the command line takes. Its hash is what the order is bound to."),
  );
}

const NEEDED = {
  version: "number",
  task: "string",
  data: "object",
  layers: "object",
  loss: "string",
  optimizer: "object",
  training: "object",
  split: "object",
  limits: "object",
} as const;

/** Refuses what has not even the form of a spec; the rules are checked after that, and by the server. */
export function shaped(value: unknown): JobSpec {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw new Error("A spec is a JSON object.");
  const members = value as Record<string, unknown>;
  for (const [name, kind] of Object.entries(NEEDED)) {
    if (typeof members[name] !== kind || members[name] === null)
      throw new Error(`\`${name}\` is missing or of another type.`);
  }
  const { algorithm = null } = members;
  if (typeof algorithm !== "object") throw new Error("`algorithm` is of another type.");
  const unknown = Object.keys(members).find((name) => !(name in NEEDED) && name !== "algorithm");
  if (unknown !== undefined) throw new Error(`\`${unknown}\` is not part of a spec.`);
  const spec = value as JobSpec;
  if (!Array.isArray(spec.layers) || spec.layers.some((layer) => typeof layer?.kind !== "string"))
    throw new Error("`layers` is a list of objects with a `kind`.");
  if (!Array.isArray(spec.data.features)) throw new Error("`data.features` is a list of column names.");
  if (!Array.isArray(spec.data.joined ?? [])) throw new Error("`data.joined` is a list of data sets.");
  return spec;
}
