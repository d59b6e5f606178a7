/** A job, composed from forms or as JSON, then paid for and handed in. */

import { call, type Schema } from "../../api/client.ts";
import { hex } from "../../components/hex.ts";
import { hint } from "../../components/notice.ts";
import { documentOf, targetOf } from "../../document.ts";
import { count, duration, money } from "../../format.ts";
import { h } from "../../h.ts";
import { check, type Checked } from "../../job/check.ts";
import type { Cost } from "../../job/cost.ts";
import { epsilonOf } from "../../job/privacy.ts";
import { readSpec } from "../../job/read.ts";
import { type JobSpec, likelyTarget } from "../../job/spec.ts";
import { suggest } from "../../job/suggest.ts";
import { evaluates } from "../../job/windows.ts";
import { type Signal, signal } from "../../signal.ts";
import { asks } from "./asks.ts";
import { budget } from "./budget.ts";
import { broken, type Composed, compose, composing, computing, described } from "./compose.ts";
import { elsewhere } from "./elsewhere.ts";
import { form } from "./form.ts";
import { json } from "./json.ts";
import { order } from "./order.ts";
import { tryOnSample } from "./sample.ts";

type Asset = Schema["Asset"];

export type Draft = Composed<JobSpec, Checked>;

export const trainPage = composing("Train a model", view);

function view(asset: Asset, index: number, held: boolean): HTMLElement {
  const document = documentOf(asset);
  if (!document) return hint("This is an algorithm. ", h("a", { href: `#/assets/${asset.token_id}` }, "See how it is used"), ".");
  const { columns, content, policy } = document["atoll:market"];
  const service = computing(asset, index);
  const target = likelyTarget(columns, targetOf(document));
  if (!service || !target) return hint("This data set offers nothing that can be trained on.");
  const first = suggest(asset.id, columns, content.rows, policy, target);
  const draft: Draft = compose({ asset, service, document }, first, check);
  return h(
    "div",
    null,
    h("p", null, h("a", { href: `#/assets/${asset.token_id}` }, asset.name)),
    h("h1", null, "Train a model"),
    policy.statistics && asks("model", asset.token_id, service.service_index, held),
    h(
      "p",
      { class: "quiet" },
      "Describe the model. It is trained where the data is; what is filled in below suits most tables of this size.",
    ),
    elsewhere(asset.token_id, policy),
    h(
      "div",
      { class: "two form-first" },
      described(
        "How to describe the model",
        () => form(draft),
        () => json(draft, readSpec),
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
          policy.trusted_algorithms ? h("p", null, "It is ordered with the command line, as said above.") : order(draft, held),
        ),
        !policy.trusted_algorithms && tryOnSample(draft),
      ),
    ),
  );
}

function summary(draft: Draft, held: boolean): HTMLElement {
  const speed = speedOf(draft.service.provider);
  return h("div", { "aria-live": "polite" }, () => {
    const { cost, broken: rules } = draft.checked();
    const { limits, start } = draft.spec();
    return [
      h("p", { class: "price" }, held ? "1 datatoken" : money(draft.service.price)),
      h(
        "dl",
        { class: "facts-list" },
        start && [h("dt", null, "Begins with"), h("dd", null, hex(start.model_sha256, "the model's digest"))],
        cost && needs(cost, draft.spec()),
        h("dt", null, "Time"),
        h("dd", null, `at most ${duration(limits.max_seconds)}`),
        cost && speed() && h("dd", null, `about ${duration(Math.max(1, Math.ceil(cost.flops / speed())))} by its provider's speed`),
        h("dt", null, "Privacy"),
        h("dd", null, given(draft)),
      ),
      broken(rules),
    ];
  });
}

/** Operations per second that the provider told of; 0 until it is known, and if it told of none. */
function speedOf(provider: string): Signal<number> {
  const speed = signal(0);
  call("get", "/v1/providers/{address}", { path: { address: provider } })
    .then(({ status }) => speed.set(status.environment.flops_per_second ?? 0))
    // The job can be ordered without it.
    .catch(() => undefined);
  return speed;
}

/** What follows from layers that fit. */
function needs(cost: Cost, spec: JobSpec): HTMLElement[] {
  const outputs = `${count(cost.outputs)} output${cost.outputs === 1 ? "" : "s"}`;
  const needed = Math.max(1, Math.ceil(cost.memoryBytes / 2 ** 20));
  return [
    h("dt", null, "Model"),
    h("dd", null, `${count(cost.inputs)} inputs, ${outputs}, ${count(cost.parameters)} trainable numbers`),
    h("dt", null, "Work"),
    h("dd", null, `about ${work(cost.flops)} operations${evaluates(spec) ? ", which measure and train nothing" : ""}`),
    h("dt", null, "Memory"),
    h("dd", null, `about ${count(needed)} of ${count(spec.limits.max_memory_mib)} MiB`),
  ];
}

/** What the job gives away of a row. */
function given(draft: Draft): string {
  const { policy, content } = draft.document["atoll:market"];
  if (!draft.spec().privacy) return "exact: nothing bounds what the model tells of single rows";
  const found = epsilonOf(draft.spec(), content.rows, policy.privacy);
  if (found === undefined) return "no rows are left to train on";
  const most = policy.privacy ? ` of ${policy.privacy.epsilon_per_job} per job` : "";
  return `epsilon at most ${found.toFixed(2)}${most}`;
}

function work(flops: number): string {
  const steps: [number, string][] = [
    [1e12, "million million"],
    [1e9, "thousand million"],
    [1e6, "million"],
    [1e3, "thousand"],
  ];
  const [size, name] = steps.find(([size]) => flops >= size) ?? [1, ""];
  return `${Number((flops / size).toPrecision(2))} ${name}`.trim();
}
