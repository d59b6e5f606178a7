/** What may be computed, by whom, and for what price. */

import { field, select, typed } from "../../components/field.ts";
import { load } from "../../components/load.ts";
import type { ModelFamily } from "../../document.ts";
import { symbol } from "../../format.ts";
import { h } from "../../h.ts";
import type { Draft } from "../../publish/draft.ts";
import type { Known } from "../../publish/known.ts";
import { type Signal, untracked } from "../../signal.ts";
import { FAMILIES } from "../asset/policy.ts";
import { provider } from "./provider.ts";

export function policy(draft: Draft): HTMLElement {
  const number = (label: string, value: Signal<number>, hint?: string): HTMLElement =>
    field({ label, hint }, h("input", { inputmode: "decimal", value: value(), oninput: (event: Event) => value.set(typed(event).trim() === "" ? Number.NaN : Number(typed(event))) }));
  const family = ([name, words]: [string, string]): HTMLElement =>
    h(
      "label",
      { class: "check" },
      h("input", {
        type: "checkbox",
        checked: draft.families().includes(name as ModelFamily),
        onchange: (event: Event) =>
          draft.families.update((now) => ((event.target as HTMLInputElement).checked ? [...now, name as ModelFamily] : now.filter((one) => one !== name))),
      }),
      words,
    );
  const list = (label: string, hint: string, value: Signal<string>): HTMLElement =>
    field({ label, hint }, h("textarea", { rows: 2, spellcheck: "false", oninput: (event: Event) => value.set(typed(event)) }));
  return h(
    "section",
    { "aria-labelledby": "policy-title" },
    h("h2", { id: "policy-title" }, "5. What may be done with it"),
    h("fieldset", null, h("legend", null, "Models that may be trained"), Object.entries(FAMILIES).map(family)),
    h(
      "fieldset",
      null,
      h("legend", null, "Statistics"),
      h(
        "label",
        { class: "check" },
        h("input", {
          type: "checkbox",
          checked: draft.statistics(),
          onchange: (event: Event) => draft.statistics.set((event.target as HTMLInputElement).checked),
        }),
        "Allow statistics (always with noise): counts, means and distributions for those who need no model",
      ),
    ),
    h(
      "div",
      { class: "grid" },
      number("Rows a job needs at least", draft.minRows, "A model of few rows can give them away."),
      number("Seconds a job may take", draft.maxSeconds),
      number("MiB of memory a job may use", draft.maxMemory),
      number("Trainable numbers in a model", draft.maxParameters, "Large models can remember rows."),
    ),
    h(
      "fieldset",
      null,
      h("legend", null, "Privacy of single rows"),
      h(
        "p",
        { class: "quiet" },
        "Noise hides whether any one row was there. Epsilon says how well: the smaller, the better. It adds up over trainings and statistics, and when the total is spent, nothing more is computed.",
      ),
      h(
        "div",
        { class: "grid" },
        number("Epsilon of one job", draft.epsilonPerJob, "A training, or one order of statistics."),
        number("Epsilon of one buyer", draft.epsilonPerBuyer, "All jobs of one account together."),
        number("Epsilon in total", draft.epsilonTotal, "All jobs of everyone together."),
      ),
      h(
        "label",
        { class: "check" },
        h("input", {
          type: "checkbox",
          checked: draft.exact(),
          onchange: (event: Event) => draft.exact.set((event.target as HTMLInputElement).checked),
        }),
        "Allow exact trainings, without noise: nothing bounds then what a buyer learns of single rows",
      ),
    ),
    h(
      "details",
      null,
      h("summary", null, "Who may order"),
      list("Only these accounts", "One address a line. Empty: everyone. The list is public, and holds from the start.", draft.allow),
      list("Not these accounts", "One address a line.", draft.deny),
      field(
        { label: "Contract that admits buyers", hint: "Such as the market's list of members, which you can change whenever you like. Empty: none. It is set by a second transaction." },
        h("input", { spellcheck: "false", oninput: (event: Event) => draft.gate.set(typed(event)) }),
      ),
    ),
  );
}

export function sale(draft: Draft, ask: (signal: AbortSignal) => Promise<Known>): HTMLElement {
  return h(
    "section",
    { "aria-labelledby": "sale-title" },
    h("h2", { id: "sale-title" }, "6. Price and provider"),
    load("Looking up who computes here and what is paid with", ask, ({ tokens, providers }) => {
      const choose = (address: string): void => draft.token.set(tokens.find(({ token }) => token === address));
      choose(tokens[0]?.token ?? "");
      return h(
        "div",
        null,
        h(
          "div",
          { class: "grid" },
          field({ label: "Price of one job", hint: "Like 5 or 0.25. You can change it later." }, h("input", { inputmode: "decimal", oninput: (event: Event) => draft.price.set(typed(event)) })),
          field({ label: "Paid in" }, select(tokens.map((token) => [token.token, symbol(token)] as const), { value: tokens[0]?.token ?? "", onchange: (event: Event) => choose(typed(event)) })),
        ),
        () => draft.units() === 0n && freeLimits(draft),
        provider(draft, providers),
      );
    }),
  );
}

/** How much is given away. */
function freeLimits(draft: Draft): HTMLElement {
  const number = (label: string, hint: string, value: Signal<string>): HTMLElement =>
    field({ label, hint }, h("input", { inputmode: "numeric", value: untracked(value), oninput: (event: Event) => value.set(typed(event)) }));
  return h(
    "div",
    { class: "grid" },
    number("Free orders for each account", "Empty: as many as they like. It is set by a second transaction.", draft.perWallet),
    number("Free orders in all", "Empty: no end.", draft.total),
  );
}
