/** Paying for a described job, and handing it in. */

import type { Schema } from "../../api/client.ts";
import { failure, hint, success } from "../../components/notice.ts";
import { steps } from "../../components/steps.ts";
import { connected } from "../../components/walletButton.ts";
import { canonicalHash } from "../../canonical.ts";
import { field, select, typed } from "../../components/field.ts";
import { amount } from "../../format.ts";
import { h } from "../../h.ts";
import type { Broken } from "../../job/check/rules.ts";
import { keep } from "../../job/kept.ts";
import { type Declared, isStatistics } from "../../job/statistics.ts";
import { submit } from "../../job/submit.ts";
import { PriceMoved, purchase, stepsOf, type Wanted } from "../../purchase/purchase.ts";
import { Steps } from "../../purchase/steps.ts";
import { go } from "../../router.ts";
import { onEnd, type Signal, signal, untracked } from "../../signal.ts";
import { backup } from "./backup.ts";

/** What is ordered, whichever job it is of. */
export interface Ordered {
  readonly asset: Schema["Asset"];
  readonly service: Schema["Service"];
  readonly spec: () => Declared;
  /** What is wrong with the JSON text at the moment, if it is being written. */
  readonly unread: () => string | undefined;
  readonly checked: () => { readonly broken: readonly Broken[] };
  /** Paid: nothing can be changed any more. */
  readonly fixed: Signal<boolean>;
}

const WAITS: readonly (readonly [string, string])[] = [
  ["3600", "1 hour"],
  ["21600", "6 hours"],
  ["86400", "1 day"],
  ["604800", "7 days"],
];

export function order(draft: Ordered, held: boolean): HTMLElement {
  const awaited = isStatistics(untracked(draft.spec)) ? "result" : "model";
  const paying = signal<Steps | undefined>(undefined);
  const handing = signal<Steps | undefined>(undefined);
  const paid = signal<string | undefined>(undefined);
  const busy = signal(false);
  const wrong = signal<unknown>(undefined);
  const price = signal(draft.service.price);
  const stop = new AbortController();
  let wait = 3600;
  onEnd(() => stop.abort());

  const pay = async (): Promise<string> => {
    const spec = draft.spec();
    const deadline = Math.floor(Date.now() / 1000) + wait;
    const wanted: Wanted = {
      asset: draft.asset,
      service: { ...draft.service, price: price() },
      agreed: price().amount,
      order: { requestHash: canonicalHash(spec), deadline },
      held,
    };
    const account = await connected();
    const progress = stepsOf(wanted);
    paying.set(progress);
    draft.fixed.set(true);
    const { order } = await purchase(account, wanted, progress, stop.signal);
    if (!order) throw new Error("The server does not say which order was opened. See My orders.");
    keep(order, spec);
    paid.set(order);
    return order;
  };
  const handIn = async (order: string): Promise<void> => {
    const progress = new Steps({ sign: "Sign the job and hand it in" });
    handing.set(progress);
    try {
      const job = await submit(await connected(), order, draft.spec(), (text) => progress.now("sign", text));
      progress.done("sign");
      go(`/jobs/${job.id}`);
    } catch (error) {
      progress.fail();
      throw error;
    }
  };
  const run = async (): Promise<void> => {
    wrong.set(undefined);
    busy.set(true);
    try {
      await handIn(paid() ?? (await pay()));
    } catch (error) {
      if (error instanceof PriceMoved) price.set(error.quote.price);
      if (!paid()) draft.fixed.set(false);
      wrong.set(error);
    } finally {
      busy.set(false);
    }
  };
  const sound = (): boolean => draft.unread() === undefined && draft.checked().broken.length === 0;
  const free = (): boolean => held || BigInt(price().amount) === 0n;
  const label = (): string => {
    if (paid()) return "Sign the job";
    if (held) return "Order with my datatoken";
    return free() ? "Order for nothing" : `Pay ${amount(price().amount, price())} and order`;
  };
  return h(
    "div",
    null,
    field(
      { label: `Wait for the ${awaited}`, hint: "If nothing is there by then, your payment comes back." },
      select(WAITS, {
        value: "3600",
        disabled: draft.fixed,
        onchange: (event: Event) => (wait = Number(typed(event))),
      }),
    ),
    backup(awaited),
    h(
      "button",
      { type: "button", class: "primary", disabled: () => busy() || !sound(), onclick: () => void run() },
      label,
    ),
    () =>
      !paid() &&
      !free() &&
      h(
        "p",
        { class: "quiet" },
        "To pay, your wallet asks for one signature and one transaction; with ether, for the transaction alone. Then it asks you to sign the job, and to sign in if you are not signed in. Signatures cost nothing.",
      ),
    () => {
      const [one, two] = [paying(), handing()];
      return [one && steps(one), two && steps(two)];
    },
    () =>
      paid() &&
      wrong() !== undefined &&
      hint("Your order is paid and safe. ", h("a", { href: "#/orders" }, "See My orders")),
    () => (wrong() === undefined ? undefined : failure(wrong())),
    () => paid() && !wrong() && !busy() && success("Ordered"),
  );
}
