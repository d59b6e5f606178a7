/** What a publisher allows, in plain words. */

import type { Schema } from "../../api/client.ts";
import type { ModelFamily, Policy } from "../../document.ts";
import { count, duration, listed, same } from "../../format.ts";
import { h } from "../../h.ts";
import { account } from "../../wallet/account.ts";

export const FAMILIES: Record<ModelFamily, string> = {
  linear_regression: "linear regression",
  logistic_regression: "logistic regression",
  multilayer_perceptron: "neural network (layers)",
  convolutional_network: "convolutional network",
};

/** `sold` says what the services hand over. */
export function policy(rules: Policy, sold: ReadonlySet<Schema["ServiceKind"]>): HTMLElement {
  return h(
    "ul",
    { class: "policy" },
    sold.has("compute") ? computed(rules) : h("li", null, "Nothing can be trained on it here: only the table itself is for sale."),
    sold.has("download") && h("li", null, "Who buys the table itself can decrypt and keep it. What may be done with it then, the licence says."),
    h("li", null, () => admitted(rules, account()?.address)),
  );
}

function computed(rules: Policy): (HTMLElement | false)[] {
  return [
    h("li", null, `You may train: ${listed(rules.model_families.map((family) => FAMILIES[family]))}.`),
    h("li", null, `A model may have up to ${count(rules.max_parameters)} trainable numbers.`),
    h(
      "li",
      null,
      `A training may take up to ${duration(rules.max_seconds)} and ${count(rules.max_memory_mib)} MiB of memory.`,
    ),
    h(
      "li",
      null,
      rules.statistics
        ? "You may ask for statistics, with noise: counts, means, variances, quantiles, histograms and tables of two columns."
        : "No statistics may be asked for.",
    ),
    rules.min_rows > 0 && h("li", null, `It runs only if there are at least ${count(rules.min_rows)} rows.`),
    h("li", null, privacyOf(rules)),
    h("li", null, "Who trains gets the model and its measurements, and no rows. No program of the buyer's touches the data."),
  ];
}

/** What may be given away of a row, in words. */
function privacyOf({ privacy }: Policy): string {
  if (!privacy) return "Trainings are exact. A model can tell something of single rows.";
  const { epsilon_per_job: job, epsilon_per_buyer: buyer, epsilon_total: total, delta } = privacy;
  return `Every job is differentially private: epsilon at most ${job} for one, ${buyer} for all of one buyer, and ${total} for all together, at delta ${delta}. The provider keeps account of it.`;
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
