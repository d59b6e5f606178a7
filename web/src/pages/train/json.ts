/** The spec as text, for whoever wants all of it, or to keep it. */

import { typed } from "../../components/field.ts";
import { h } from "../../h.ts";
import type { Read } from "../../job/read.ts";
import type { Declared } from "../../job/statistics.ts";
import { onEnd, type Signal, untracked } from "../../signal.ts";

/** What is described, whichever job it is of. */
interface Described<S> {
  readonly spec: Signal<S>;
  readonly unread: Signal<string | undefined>;
  readonly fixed: () => boolean;
}

/** `readSpec` reads a spec of the kind that is described. */
export function json<S extends Declared>(draft: Described<S>, readSpec: (value: unknown) => Read<S>): HTMLElement {
  const take = (text: string): void => {
    const found = read(text, readSpec);
    if ("spec" in found) draft.spec.set(found.spec);
    draft.unread.set("spec" in found ? undefined : found.wrong);
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
      oninput: (event: Event) => take(typed(event)),
    }),
    h("p", { class: "wrong", id: "spec-wrong", role: "alert" }, draft.unread),
    h("p", { class: "hint" }, "The same that the command line takes. Its hash is what the order is bound to."),
  );
}

/** The spec that a text is, or the first reason why it is none. */
function read<S extends Declared>(
  text: string,
  readSpec: (value: unknown) => Read<S>,
): { spec: S } | { wrong: string } {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return { wrong: error instanceof Error ? error.message : String(error) };
  }
  const found = readSpec(value);
  if ("spec" in found) return found;
  const [{ pointer, message } = { pointer: "", message: "is no spec" }] = found.broken;
  return { wrong: `${pointer || "The spec"} ${message}` };
}
