/** The provider's desk: what one has published, what it earned, and the jobs that come in. */

import { call, type Schema } from "../../api/client.ts";
import { list } from "../../components/list.ts";
import { empty, success } from "../../components/notice.ts";
import { signedIn } from "../../components/signedIn.ts";
import { table } from "../../components/table.ts";
import { when } from "../../components/when.ts";
import { same, short } from "../../format.ts";
import { h } from "../../h.ts";
import { stateOf, why } from "../../job/states.ts";
import type { View } from "../../main.ts";
import { session, signOut } from "../../session.ts";
import { signal, untracked } from "../../signal.ts";
import { earnings } from "./earnings.ts";
import { offer } from "./offer.ts";

type Job = Schema["Job"];

export function deskPage(): View {
  const body = h("div", null, h("h1", null, "Provider's desk"), signedIn("to see what is yours", view));
  return { title: "Provider's desk", body };
}

function view(): HTMLElement {
  const me = untracked(session) ?? "";
  const done = signal("");
  return h(
    "div",
    null,
    h(
      "p",
      { class: "quiet" },
      `Account ${short(me)}. `,
      h("button", { type: "button", class: "ghost small", onclick: () => void signOut() }, "Sign out"),
    ),
    h("section", null, h("h2", null, "Earnings"), earnings(me)),
    h(
      "section",
      null,
      h("h2", null, "What you published"),
      () => done() !== "" && success(done()),
      list(
        "Loading what you published",
        (cursor, signal) =>
          call("get", "/v1/assets", { signal, query: { limit: 50, publisher: me, ...(cursor && { cursor }) } }),
        (assets, again) =>
          assets.length === 0
            ? empty(
                "Nothing published",
                h("p", null, "Data sets and algorithms that this account publishes appear here, with their prices and states."),
              )
            : h(
                "div",
                null,
                assets.flatMap((asset) =>
                  asset.services.map((service) =>
                    offer(asset, service, (what) => {
                      done.set(`Done: ${what}.`);
                      again();
                    }),
                  ),
                ),
              ),
      ),
    ),
    h(
      "section",
      null,
      h("h2", null, "Jobs for your provider"),
      list(
        "Loading the queue",
        (cursor, signal) => call("get", "/v1/jobs", { signal, query: { limit: 50, ...(cursor && { cursor }) } }),
        (jobs) => queue(jobs.filter(({ provider }) => same(provider, me))),
      ),
    ),
  );
}

function queue(jobs: readonly Job[]): HTMLElement {
  if (jobs.length === 0)
    return empty(
      "The queue is empty",
      h("p", null, "Jobs that buyers order from this account appear here, with what your runner made of them."),
    );
  return table(
    "Queue",
    ["Job", "State", "Why", "Buyer", "Tries", "Begun"],
    jobs.map((job) => [
      h("a", { href: `#/jobs/${job.id}` }, job.id.slice(-8)),
      stateOf(job),
      job.failure ? why(job.failure, "The buyer") : "",
      h("code", { title: job.consumer }, short(job.consumer)),
      job.attempts,
      when(job.created_at),
    ]),
  );
}
