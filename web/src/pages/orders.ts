/** The visitor's orders and jobs, and what is still to be done for them. */

import { call, type Schema } from "../api/client.ts";
import { tokenOf } from "../assetId.ts";
import { assetLink, found } from "../components/assetLink.ts";
import { hex } from "../components/hex.ts";
import { list } from "../components/list.ts";
import { empty, failure } from "../components/notice.ts";
import { signedIn } from "../components/signedIn.ts";
import { table } from "../components/table.ts";
import { connected } from "../components/walletButton.ts";
import { when } from "../components/when.ts";
import { same } from "../format.ts";
import { h } from "../h.ts";
import { kept } from "../job/kept.ts";
import { isFinal, ORDER, stateOf, workOf } from "../job/states.ts";
import { submit } from "../job/submit.ts";
import type { View } from "../main.ts";
import { send, settled } from "../purchase/transaction.ts";
import { go } from "../router.ts";
import { onEnd, signal } from "../signal.ts";
import { onChain } from "../wallet/chain.ts";

type Job = Schema["Job"];
type Order = Schema["Order"];

export function ordersPage(): View {
  const body = h("div", null, h("h1", null, "My orders and jobs"), signedIn("to see your orders", view));
  return { title: "My orders", body };
}

function view(): HTMLElement {
  const jobs = signal<readonly Job[]>([]);
  return h(
    "div",
    null,
    h(
      "section",
      null,
      h("h2", null, "Jobs"),
      list(
        "Loading your jobs",
        (cursor, signal) => call("get", "/v1/jobs", { signal, query: { limit: 50, ...(cursor && { cursor }) } }),
        (items) => (jobs.set(items), jobTable(items)),
      ),
    ),
    h(
      "section",
      null,
      h("h2", null, "Orders"),
      list(
        "Loading your orders",
        (cursor, signal) => call("get", "/v1/orders", { signal, query: { limit: 50, ...(cursor && { cursor }) } }),
        (items, again) => orderTable(items, jobs, again),
      ),
    ),
  );
}

function jobTable(jobs: readonly Job[]): HTMLElement {
  if (jobs.length === 0)
    return empty("No jobs yet", h("p", null, h("a", { href: "#/" }, "Choose a data set to learn from")));
  return table(
    "Jobs",
    ["Job", "State", "Data set", "Begun"],
    jobs.map((job) => [
      h("a", { href: `#/jobs/${job.id}` }, `${job.kind === "download" ? "Download" : "Job"} ${job.id.slice(-8)}`),
      stateOf(job, workOf(kept(job.order_id))),
      assetLink(job.asset, "A data set"),
      when(job.created_at),
    ]),
  );
}

function orderTable(orders: readonly Order[], jobs: () => readonly Job[], again: () => void): HTMLElement {
  if (orders.length === 0) return empty("No orders yet", h("p", null, "An order appears here as soon as it is paid."));
  return table(
    "Orders",
    ["Order", "State", "Data set", "Opened", "Until", "To do"],
    orders.map((order) => [
      hex(order.id, "the order's id"),
      ORDER[order.status],
      assetLink(order.asset, "A data set"),
      when(order.opened_at),
      when(order.terms.deadline),
      h("div", null, () => todo(order, jobs(), again)),
    ]),
  );
}

/** What an order without a job waits for: a job that was described elsewhere, one that it pays an algorithm of, or a download. */
function elsewhere({ asset, terms }: Order): HTMLElement {
  const sold = signal<Schema["ServiceKind"] | "algorithm">("compute");
  found(asset).then(
    ({ kind, services }) => {
      const service = services.find(({ datatoken }) => same(datatoken, terms.datatoken));
      sold.set(kind === "algorithm" ? kind : (service?.kind ?? "compute"));
    },
    () => undefined,
  );
  return h("div", null, () => {
    if (sold() === "algorithm") return "It pays the algorithm of a job, and ends with that job.";
    return sold() === "download"
      ? ["The command line fetches it: ", h("code", { class: "wide" }, `atoll download ${tokenOf(asset)} --out table.csv`)]
      : "Its job was described in another browser: hand it in there, or wait for the payment to come back.";
  });
}

/** What the buyer can do for an open order: hand its job in, or take the money back. */
function todo(order: Order, jobs: readonly Job[], again: () => void): HTMLElement | string {
  if (order.status !== "open") return "";
  const job = jobs.find(
    ({ order_id, status }) => same(order_id, order.id) && (!isFinal(status) || status === "completed"),
  );
  if (order.terms.deadline * 1000 <= Date.now())
    return action("Take the payment back", () => giveBack(order).then(again));
  if (job) return h("a", { href: `#/jobs/${job.id}` }, "Follow the job");
  const spec = kept(order.id);
  if (!spec) return elsewhere(order);
  return action("Sign the job", async (tell) =>
    go(`/jobs/${(await submit(await connected(), order.id, spec, tell)).id}`),
  );
}

function action(name: string, work: (tell: (text: string) => void) => Promise<unknown>): HTMLElement {
  const busy = signal(false);
  const told = signal("");
  const wrong = signal<unknown>(undefined);
  const run = async (): Promise<void> => {
    busy.set(true);
    wrong.set(undefined);
    try {
      await work(told.set);
    } catch (error) {
      wrong.set(error);
    } finally {
      told.set("");
      busy.set(false);
    }
  };
  return h(
    "div",
    null,
    h("button", { type: "button", disabled: busy, onclick: () => void run() }, name),
    h("p", { class: "quiet", role: "status" }, told),
    () => (wrong() === undefined ? undefined : failure(wrong())),
  );
}

async function giveBack(order: Order): Promise<void> {
  const stop = new AbortController();
  onEnd(() => stop.abort());
  const held = await onChain(await connected());
  const sent = await send(
    held,
    { kind: "return", from: held.address, order: order.terms },
    "to take the payment back",
  );
  await settled(sent, () => undefined, stop.signal);
}
