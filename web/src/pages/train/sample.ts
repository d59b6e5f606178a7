/** The spec, tried for nothing on the rows that the publisher shows. */

import { call, type Schema } from "../../api/client.ts";
import { curve } from "../../components/chart.ts";
import { failure, hint, loading, success } from "../../components/notice.ts";
import { connected } from "../../components/walletButton.ts";
import { count } from "../../format.ts";
import { h } from "../../h.ts";
import type { JobSpec } from "../../job/spec.ts";
import { why } from "../../job/states.ts";
import { signIn } from "../../session.ts";
import { derived, onEnd, signal } from "../../signal.ts";
import { onChain } from "../../wallet/chain.ts";
import type { Draft } from "./page.ts";

type Run = Schema["SampleRun"];

const POLL = 300;

export function tryOnSample(draft: Draft): HTMLElement | undefined {
  const rows = draft.document["atoll:market"].sample_rows?.length ?? 0;
  if (rows === 0) return undefined;
  const run = signal<Run | undefined>(undefined);
  const told = signal<string | undefined>(undefined);
  const wrong = signal<unknown>(undefined);
  const stop = new AbortController();
  const begins = derived(() => !!draft.spec().start);
  onEnd(() => stop.abort());

  const go = async (): Promise<void> => {
    run.set(undefined);
    wrong.set(undefined);
    try {
      const account = await onChain(await connected());
      told.set("Your wallet asks you to sign in. This costs nothing.");
      await signIn(account);
      told.set("The provider tries it …");
      const ended = await tried(draft.spec(), stop.signal);
      if (!stop.signal.aborted) run.set(ended);
    } catch (error) {
      if (!stop.signal.aborted) wrong.set(error);
    } finally {
      told.set(undefined);
    }
  };
  return h(
    "section",
    { class: "panel", "aria-label": "Try it for nothing" },
    h("h2", null, "Try it for nothing"),
    h(
      "p",
      { class: "quiet" },
      `The provider trains this model on the ${count(rows)} rows that the publisher shows to everyone. It tells whether the spec works, and nothing of how good a model of all rows will be.`,
    ),
    () =>
      begins()
        ? hint("A model to begin with can not be tried on sample rows. Leave start out to try the rest.")
        : h(
            "button",
            {
              type: "button",
              disabled: () => told() !== undefined || draft.unread() !== undefined || draft.checked().broken.length > 0,
              onclick: () => void go(),
            },
            `Try on ${count(rows)} sample rows`,
          ),
    () => {
      const text = told();
      return text === undefined ? undefined : loading(text);
    },
    () => (wrong() === undefined ? undefined : failure(wrong())),
    () => {
      const ended = run();
      return ended && outcome(ended);
    },
  );
}

/** Asks for the run and waits for its end. */
async function tried(spec: JobSpec, stop: AbortSignal): Promise<Run> {
  let run: Run = await call("post", "/v1/sample-runs", { body: { spec }, key: crypto.randomUUID(), signal: stop });
  while (run.status === "queued" || run.status === "running") {
    await new Promise((done) => setTimeout(done, POLL));
    run = await call("get", "/v1/sample-runs/{id}", { path: { id: run.id }, signal: stop });
  }
  return run;
}

function outcome(run: Run): HTMLElement {
  const { report, failure: reason } = run;
  if (!report) return hint(h("strong", null, "It does not work as it is. "), reason ? why(reason) : "");
  const until = report.history[0]?.epochs ?? 1;
  return h(
    "div",
    null,
    success(`It works on the ${count(run.rows)} sample rows.`),
    curve({
      name: "Loss on the sample",
      points: report.history.flatMap(({ epoch, loss }) => (typeof loss === "number" ? [[epoch, loss] as const] : [])),
      until,
      kind: "first",
    }),
  );
}
