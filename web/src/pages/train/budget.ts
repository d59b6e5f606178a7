/** What is left of what may be given away of a data set's rows, as its provider's ledger says. */

import { call, type Schema } from "../../api/client.ts";
import { load } from "../../components/load.ts";
import type { PrivacyPolicy } from "../../document.ts";
import { figure } from "../../format.ts";
import { h } from "../../h.ts";
import { account } from "../../wallet/account.ts";

type Budget = Schema["PrivacyBudget"];

/** Of everyone, and of the account that is connected. */
export function budget(token: string, policy: PrivacyPolicy): HTMLElement {
  return h("div", { class: "quiet" }, () => {
    const buyer = account()?.address;
    const ask = (signal: AbortSignal): Promise<Budget | undefined> =>
      call("get", "/v1/assets/{token_id}/privacy-budget", {
        path: { token_id: token },
        signal,
        ...(buyer && { query: { buyer } }),
        // The order works without it: the provider keeps account by itself.
      }).catch(() => undefined);
    return load("Asking what is left", ask, (found) => found && h("p", null, leftOf(found, policy)));
  });
}

/** Several jobs give away less than the sum of their epsilons, so this much is left at least. */
function leftOf({ spent, spent_by_buyer: mine }: Budget, policy: PrivacyPolicy): string {
  const left = (most: number, used: number): string => figure(Math.max(0, most - used / 1e6));
  const all = `Left for everyone: epsilon ${left(policy.epsilon_total, spent.epsilon_micros)} of ${policy.epsilon_total}.`;
  if (!mine) return all;
  return `${all} Left for you: ${left(policy.epsilon_per_buyer, mine.epsilon_micros)} of ${policy.epsilon_per_buyer}.`;
}
