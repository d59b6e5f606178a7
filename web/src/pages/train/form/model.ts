/** The model: its family, and the layers of those families that have some to choose. */

import { hint } from "../../../components/notice.ts";
import type { ModelFamily } from "../../../document.ts";
import { h } from "../../../h.ts";
import { withConvolutions, withFamily, withNetwork } from "../../../job/change.ts";
import { ACTIVATIONS, type Activation, convolutionsOf, networkOf } from "../../../job/network.ts";
import { familiesFor, familyOf } from "../../../job/spec.ts";
import { derived, untracked } from "../../../signal.ts";
import { FAMILIES } from "../../asset/policy.ts";
import { choice, type Form, number, numbers, targetOf } from "./tools.ts";

export function model(form: Form): HTMLElement {
  const { draft } = form;
  const now = derived(() => familyOf(draft.spec()));
  return h("fieldset", null, h("legend", null, "Model"), h("div", { class: "grid" }, family(form, now)), () => {
    if (now() === "multilayer_perceptron") return perceptron(form);
    return now() === "convolutional_network" && convolutions(form);
  });
}

function family(form: Form, now: () => ModelFamily): () => HTMLElement {
  const { market, change } = form;
  // What was written as JSON may be of a family that the form would not propose.
  const names = derived(() => {
    const target = targetOf(form);
    const fitting = target ? familiesFor(target, market.columns, market.policy) : [];
    return [...new Set([...fitting, now()])].join();
  });
  return () => {
    const known = names().split(",") as ModelFamily[];
    const hint = known.length === 1 ? { hint: "The only one that the publisher allows for this column." } : {};
    return choice(
      { label: "Family", ...hint },
      known.map((name) => [name, FAMILIES[name]] as const),
      now,
      (family) => change((spec) => withFamily(spec, market, family)),
    );
  };
}

/** Said of layers that the form can not show. */
function finer(): HTMLElement {
  return hint(
    "These layers are finer than this form. See and change them under JSON; choosing a family here replaces them.",
  );
}

/** Both kinds of networks are made anew when another one can be shown, and not while its numbers are typed. */
function perceptron(form: Form): () => HTMLElement {
  const { draft, change, wrong } = form;
  const shown = derived(() => networkOf(draft.spec()) !== undefined);
  return () => {
    const network = shown() ? untracked(() => networkOf(draft.spec())) : undefined;
    if (!network) return finer();
    return h(
      "div",
      { class: "grid" },
      numbers(
        { label: "Hidden layers", hint: "Units of each, like 32, 16.", wrong: wrong("/layers"), whole: true },
        network.hidden,
        (hidden) => change((spec) => withNetwork(spec, { hidden })),
      ),
      activation(network.activation, (activation) => change((spec) => withNetwork(spec, { activation }))),
      dropout(network.dropout, (dropout) => change((spec) => withNetwork(spec, { dropout }))),
    );
  };
}

function convolutions(form: Form): () => HTMLElement {
  const { draft, change, wrong } = form;
  const shown = derived(() => convolutionsOf(draft.spec()) !== undefined);
  return () => {
    const network = shown() ? untracked(() => convolutionsOf(draft.spec())) : undefined;
    if (!network) return finer();
    return h(
      "div",
      { class: "grid" },
      numbers(
        { label: "Convolutions", hint: "Channels of each, like 16, 32.", wrong: wrong("/layers"), whole: true },
        network.channels,
        (channels) => change((spec) => withConvolutions(spec, { channels })),
      ),
      number(
        { label: "Kernel", hint: "Side of the square that each sees at once, in pixels.", whole: true },
        network.kernel,
        (kernel) => change((spec) => withConvolutions(spec, { kernel })),
      ),
      activation(network.activation, (activation) => change((spec) => withConvolutions(spec, { activation }))),
      dropout(network.dropout, (dropout) => change((spec) => withConvolutions(spec, { dropout }))),
      h(
        "label",
        { class: "check" },
        h("input", {
          type: "checkbox",
          checked: network.normalised,
          onchange: (event: Event) =>
            change((spec) => withConvolutions(spec, { normalised: (event.target as HTMLInputElement).checked })),
        }),
        "Normalise after each convolution, which helps deep networks to learn",
      ),
    );
  };
}

const NAMES: Record<Activation, string> = {
  relu: "ReLU",
  gelu: "GELU",
  softplus: "Softplus",
  tanh: "tanh",
  sigmoid: "Sigmoid",
};

function activation(value: Activation, put: (value: Activation) => void): HTMLElement {
  return choice(
    { label: "Activation" },
    ACTIVATIONS.map((name) => [name, NAMES[name]] as const),
    () => value,
    put,
  );
}

function dropout(value: number, put: (value: number) => void): HTMLElement {
  return number({ label: "Dropout", hint: "0 to 0.9; 0 for none." }, value, put);
}
