/** The spec as a form. Every change writes the whole spec; what the form can not show stays as it is. */

import { hint } from "../../components/notice.ts";
import { h } from "../../h.ts";
import { untracked } from "../../signal.ts";
import { learns } from "./form/learns.ts";
import { model } from "./form/model.ts";
import { more } from "./form/more.ts";
import { formOf } from "./form/tools.ts";
import { limits, privacy, training } from "./form/training.ts";
import type { Draft } from "./page.ts";

export function form(draft: Draft): HTMLElement {
  const form = formOf(draft);
  const spec = untracked(draft.spec);
  return h(
    "fieldset",
    { class: "plain", disabled: draft.fixed },
    h("legend", { class: "sr" }, "The model"),
    spec.start &&
      hint(
        "It begins with a model that the command line sealed to the provider. Columns and layers have to be that model's. To begin anew, leave out ",
        h("code", null, "start"),
        " under JSON.",
      ),
    learns(form),
    model(form),
    training(form, spec),
    spec.privacy && privacy(form, spec.privacy),
    limits(form, spec),
    more(form, spec),
  );
}
