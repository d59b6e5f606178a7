/** A job: how far it is, its curves while it learns, and its result. */

import { call, type Schema } from "../../api/client.ts";
import { follow } from "../../api/stream.ts";
import { curve } from "../../components/chart.ts";
import { hex } from "../../components/hex.ts";
import { load } from "../../components/load.ts";
import { failure, hint, success } from "../../components/notice.ts";
import { signedIn } from "../../components/signedIn.ts";
import { table } from "../../components/table.ts";
import { when } from "../../components/when.ts";
import { same } from "../../format.ts";
import { h } from "../../h.ts";
import { kept, keptModel } from "../../job/kept.ts";
import { isFinal, stateOf, type Work, why, workOf } from "../../job/states.ts";
import type { Declared } from "../../job/statistics.ts";
import type { View } from "../../main.ts";
import { session } from "../../session.ts";
import { effect, onEnd, signal, untracked } from "../../signal.ts";
import { result } from "./result.ts";

type Job = Schema["Job"];
type Event = Schema["JobEvent"];
type Progress = NonNullable<Event["progress"]>;

/** What a compute job is called, and what it leaves its buyer. */
const WORDS: Record<Work, { title: string; done: string; opens: string; left: string }> = {
  training: { title: "Training job", done: "The model is ready", opens: "it", left: "The model is" },
  evaluation: { title: "Measurement of a model", done: "The model is measured", opens: "what was found", left: "The model is" },
  statistics: { title: "Statistics", done: "The statistics are ready", opens: "them", left: "The statistics are" },
};

export function jobPage({ id = "" }: Record<string, string>): View {
  const ask = async (signal: AbortSignal): Promise<readonly [Job, Work]> => {
    const job = await call("get", "/v1/jobs/{id}", { path: { id }, signal });
    return [job, job.kind === "compute" ? workOf(await specOf(job, signal)) : "training"];
  };
  const body = h(
    "div",
    null,
    h("p", null, h("a", { href: "#/orders" }, "My orders and jobs")),
    signedIn("to see this job", () => load("Loading the job", ask, ([job, work]) => view(job, work))),
  );
  return { title: "Job", body };
}

/** What was ordered. This browser knows it if it was ordered here; its words are all that follows from it. */
async function specOf(job: Job, signal: AbortSignal): Promise<Declared | undefined> {
  const here = kept(job.order_id);
  if (here) return here;
  const submitted = await call("get", "/v1/jobs/{id}/request", { path: { id: job.id }, signal }).catch(() => undefined);
  return submitted?.spec as Declared | undefined;
}

function view(first: Job, work: Work): HTMLElement {
  // The provider sees the job as well; its result is the buyer's alone.
  const mine = same(untracked(session), first.consumer);
  const job = signal(first);
  const events = signal<readonly Event[]>([]);
  const broken = signal(false);
  const wrong = signal<unknown>(undefined);
  // Set once: what the visitor opened stays open whatever else is learned of the job.
  const finished = signal<Job | undefined>(undefined);
  effect(() => {
    const now = job();
    if (now.status === "completed" && now.receipt) finished.set(untracked(finished) ?? now);
  });
  const stop = new AbortController();
  onEnd(() => stop.abort());
  const watch = async (): Promise<void> => {
    try {
      for await (const event of follow<Event>(`/v1/jobs/${first.id}/events`, stop.signal, (is) => broken.set(is))) {
        events.update((all) => [...all, event]);
        job.update((now) => ({ ...now, status: event.status }));
        if (isFinal(event.status)) break;
      }
      // The last state brings receipt, result or reason with it.
      if (!stop.signal.aborted) job.set(await call("get", "/v1/jobs/{id}", { path: { id: first.id } }));
    } catch (error) {
      if (!stop.signal.aborted) wrong.set(error);
    }
  };
  void watch();
  return h(
    "div",
    null,
    h("h1", null, first.kind === "download" ? "Download" : WORDS[work].title),
    h("p", { class: "price", role: "status" }, () => stateOf(job(), work)),
    () => broken() && hint("The connection broke. The job goes on; this page is trying to see it again …"),
    () => (wrong() === undefined ? undefined : failure(wrong(), () => (wrong.set(undefined), void watch()))),
    h("div", { class: "charts" }, () => curves(events(), first)),
    () => end(job(), mine, work),
    () => mine && !isFinal(job().status) && cancel(job().id),
    () => {
      const done = finished();
      return mine && done && first.kind === "compute" && result(done, work);
    },
    h("section", null, h("h2", null, "What happened"), () => steps(events(), first.kind, mine, work)),
    h(
      "dl",
      { class: "facts-list" },
      h("dt", null, "Order"),
      h("dd", null, hex(first.order_id, "the order's id")),
      h("dt", null, "Provider"),
      h("dd", null, hex(first.provider, "the provider's address")),
      h("dt", null, "Job"),
      h("dd", null, h("code", null, first.id)),
    ),
  );
}

function curves(events: readonly Event[], job: Job): HTMLElement[] {
  const runs = events.findLastIndex(({ status, progress }) => status === "running" && !progress);
  // A job that began anew on another machine learns from the start.
  const shown = events.slice(Math.max(0, runs)).flatMap(({ progress }) => (progress ? [progress] : []));
  const all: readonly Progress[] = shown.length > 0 || !job.progress ? shown : [job.progress];
  if (all.length === 0) return [];
  const until = all[0]?.epochs ?? 1;
  const metric = all.flatMap(({ epoch, test_metric: value }) =>
    typeof value === "number" ? [[epoch, value] as const] : [],
  );
  const loss = all.flatMap(({ epoch, loss: value }) => (typeof value === "number" ? [[epoch, value] as const] : []));
  // A private job tells of no loss and measures at its end: a curve of it would tell of its rows.
  if (loss.length === 0) return [hint(`Epoch ${all.at(-1)?.epoch ?? 0} of ${until}. A private training shows no curve: it would tell of single rows.`)];
  return [
    curve({ name: "Loss on training rows", points: loss, until, kind: "first" }),
    ...(metric.length > 0 ? [curve({ ...measured(job, metric), points: metric, until, kind: "second" })] : []),
  ];
}

/** What is measured follows from the task, which the browser that ordered knows. */
function measured(
  job: Job,
  points: readonly (readonly [number, number])[],
): { name: string; range?: readonly [number, number] } {
  const task = keptModel(job.order_id)?.task;
  if (task === undefined) return { name: "Measured on held-out rows" };
  if (task === "regression") return { name: "Error on held-out rows (RMSE)" };
  // An accuracy is at most 1; its lower end is where a curve is still seen to move.
  const low = Math.min(...points.map(([, value]) => value));
  return { name: "Accuracy on held-out rows", range: [Math.max(0, Math.floor(low * 20 - 0.5) / 20), 1] };
}

function end(job: Job, mine: boolean, work: Work): HTMLElement | undefined {
  if (!isFinal(job.status)) return undefined;
  if (!mine) return other(job, work);
  if (job.status === "completed" && job.kind === "download")
    return success(
      "You have been given the key to the data",
      h("p", null, "The command line fetches the data and decrypts it: "),
      h("p", null, h("code", { class: "wide" }, `atoll download ${job.asset.split("/").pop()} --out table.csv`)),
    );
  if (job.status === "completed")
    return success(
      WORDS[work].done,
      h("p", null, `Only this browser's key opens ${WORDS[work].opens}. Check and open the result below.`),
    );
  const reason = job.failure ? why(job.failure, "You", work) : job.status === "expired" ? "Nobody did it before its deadline." : "";
  return h(
    "div",
    { class: "notice bad", role: "status" },
    h("strong", null, stateOf(job)),
    h("p", null, reason),
    h(
      "p",
      null,
      "You do not pay for it: what you paid comes back to your account, at once if the provider is there and at the order's deadline otherwise. ",
      h("a", { href: "#/orders" }, "See My orders"),
    ),
  );
}

function other(job: Job, work: Work): HTMLElement {
  if (job.status === "completed") {
    const what = job.kind === "download" ? "The key to the data is" : WORDS[work].left;
    return success(`${what} delivered`, h("p", null, `Only the buyer's key opens ${WORDS[work].opens}.`));
  }
  return hint(h("strong", null, stateOf(job)), h("p", null, job.failure ? why(job.failure, "The buyer", work) : ""));
}

function cancel(id: string): HTMLElement {
  const asked = signal(false);
  const wrong = signal<unknown>(undefined);
  const ask = async (): Promise<void> => {
    asked.set(true);
    wrong.set(undefined);
    try {
      await call("post", "/v1/jobs/{id}/cancellation", { path: { id } });
    } catch (error) {
      asked.set(false);
      wrong.set(error);
    }
  };
  return h(
    "p",
    null,
    h("button", { type: "button", disabled: asked, onclick: () => void ask() }, () =>
      asked() ? "Cancelling …" : "Cancel the job",
    ),
    () => (wrong() === undefined ? undefined : failure(wrong())),
  );
}

function steps(events: readonly Event[], kind: Job["kind"], mine: boolean, work: Work): HTMLElement {
  const actors: Record<string, string> = { consumer: mine ? "You" : "The buyer", provider: "The provider", server: "The market" };
  const shown = events.filter(({ progress }) => !progress);
  return table(
    "What happened",
    ["When", "Who", "What", "Why"],
    shown.map(({ at, actor, status, reason }) => [
      when(at),
      actors[actor] ?? actor,
      stateOf({ kind, status }, work),
      reason ?? "",
    ]),
  );
}
