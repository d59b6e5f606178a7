/** Questions about a data set, composed from a form or as JSON, then paid for and handed in like a model. */

import type { Schema } from "../../api/client.ts";
import { hint } from "../../components/notice.ts";
import { documentOf, targetOf } from "../../document.ts";
import { count, duration, figure, money } from "../../format.ts";
import { h } from "../../h.ts";
import { type CheckedStatistics, checkStatistics, epsilonAsked } from "../../job/check/statistics.ts";
import { readStatisticsSpec } from "../../job/read.ts";
import { type StatisticsSpec, suggestStatistics } from "../../job/statistics.ts";
import { asks, pageOf } from "../train/asks.ts";
import { budget } from "../train/budget.ts";
import { broken, type Composed, compose, composing, computing, described } from "../train/compose.ts";
import { json } from "../train/json.ts";
import { order } from "../train/order.ts";
import { form } from "./form.ts";

type Asset = Schema["Asset"];

export type Draft = Composed<StatisticsSpec, CheckedStatistics>;

export const statisticsPage = composing("Ask for statistics", view);

function view(asset: Asset, index: number, held: boolean): HTMLElement {
  const document = documentOf(asset);
  const service = computing(asset, index);
  const back = h("p", null, h("a", { href: `#/assets/${asset.token_id}` }, asset.name));
  if (!document || !service) return h("div", null, back, hint("Nothing can be computed on this asset."));
  const { columns, content, policy } = document["atoll:market"];
  if (!policy.statistics)
    return h(
      "div",
      null,
      back,
      hint(
        "The publisher of this data set does not allow statistics. You can ",
        h("a", { href: pageOf("model", asset.token_id, service.service_index, held) }, "train a model"),
        " on it.",
      ),
    );
  const first = suggestStatistics(asset.id, columns, content.rows, policy, targetOf(document));
  const draft: Draft = compose({ asset, service, document }, first, checkStatistics);
  return h(
    "div",
    null,
    back,
    h("h1", null, "Ask for statistics"),
    asks("statistics", asset.token_id, service.service_index, held),
    h(
      "p",
      { class: "quiet" },
      "Ask for counts, means and distributions. They are measured where the data is, and noise is added to every number, so that nobody can tell whether a single row was there.",
    ),
    h(
      "div",
      { class: "two form-first" },
      described(
        "How to ask",
        () => form(draft),
        () => json(draft, readStatisticsSpec),
      ),
      h(
        "aside",
        { "aria-label": "Cost and order" },
        h(
          "section",
          { class: "panel" },
          h("h2", null, "What it takes"),
          summary(draft, held),
          policy.privacy && budget(asset.token_id, policy.privacy),
          order(draft, held),
        ),
      ),
    ),
  );
}

function summary(draft: Draft, held: boolean): HTMLElement {
  const { policy } = draft.document["atoll:market"];
  return h("div", { "aria-live": "polite" }, () => {
    const { cost, broken: rules } = draft.checked();
    const spec = draft.spec();
    const epsilon = epsilonAsked(spec, { policy });
    const most = policy.privacy ? ` of ${policy.privacy.epsilon_per_job} per job` : "";
    return [
      h("p", { class: "price" }, held ? "1 datatoken" : money(draft.service.price)),
      h(
        "dl",
        { class: "facts-list" },
        h("dt", null, "Questions"),
        h("dd", null, count(spec.statistics.length)),
        cost && [
          h("dt", null, "Measured"),
          h("dd", null, `${count(cost.outputs)} number${cost.outputs === 1 ? "" : "s"}`),
          h("dt", null, "Memory"),
          h(
            "dd",
            null,
            `about ${count(Math.max(1, Math.ceil(cost.memoryBytes / 2 ** 20)))} of ${count(spec.limits.max_memory_mib)} MiB`,
          ),
        ],
        h("dt", null, "Time"),
        h("dd", null, `at most ${duration(spec.limits.max_seconds)}`),
        h("dt", null, "Noise"),
        h("dd", null, `± ${figure(spec.noise_multiplier)} rows in each count`),
        h("dt", null, "Privacy"),
        h("dd", null, epsilon === undefined ? "not known yet" : `epsilon at most ${epsilon.toFixed(2)}${most}`),
      ),
      broken(rules),
    ];
  });
}
