/** What a publisher allows, in plain words. */

import type { ModelFamily, Policy } from "../../document.ts";
import { count, duration, same } from "../../format.ts";
import { h } from "../../h.ts";
import { account } from "../../wallet/account.ts";

export const FAMILIES: Record<ModelFamily, string> = {
  linear_regression: "linear regression",
  logistic_regression: "logistic regression",
  multilayer_perceptron: "neural network (layers)",
};

export function policy(rules: Policy): HTMLElement {
  return h(
    "ul",
    { class: "policy" },
    h("li", null, `You may train: ${listed(rules.model_families.map((family) => FAMILIES[family]))}.`),
    h("li", null, `A model may have up to ${count(rules.max_parameters)} trainable numbers.`),
    h(
      "li",
      null,
      `A training may take up to ${duration(rules.max_seconds)} and ${count(rules.max_memory_mib)} MiB of memory.`,
    ),
    rules.min_rows > 0 && h("li", null, `It runs only if there are at least ${count(rules.min_rows)} rows.`),
    h("li", null, "You get the model and its measurements. You never get rows, and no program of yours touches them."),
    h("li", null, () => admitted(rules, account()?.address)),
  );
}

function admitted({ allow, deny = [] }: Policy, address: string | undefined): string {
  const named = (list: readonly string[]): boolean => list.some((one) => same(one, address));
  if (address && named(deny)) return "Your account may not order.";
  if (!allow) return "Anyone may order.";
  if (!address)
    return `Only ${count(allow.length)} named account${allow.length === 1 ? "" : "s"} may order. Connect your wallet to see whether yours is one.`;
  return named(allow)
    ? "Only named accounts may order. Yours is one of them."
    : "Only named accounts may order. Yours is not one of them; ask the publisher.";
}

export function listed(names: readonly string[]): string {
  return names.length < 2 ? names.join("") : `${names.slice(0, -1).join(", ")} or ${names.at(-1)}`;
}
