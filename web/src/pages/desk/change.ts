/** Changes to what is published: each is one transaction, followed to its end. */

import { failure } from "../../components/notice.ts";
import { connected } from "../../components/walletButton.ts";
import { h } from "../../h.ts";
import { type Request, send, settled } from "../../purchase/transaction.ts";
import { onEnd, type Signal, signal } from "../../signal.ts";
import { onChain } from "../../wallet/chain.ts";

/** Sends a change; `what` names it for the wallet's refusals. */
export type Change = (what: string, build: (from: string) => Request) => void;

interface Changes {
  readonly change: Change;
  /** True while one is under way: there is one at a time. */
  readonly busy: Signal<boolean>;
  /** Where it is, and why it failed. */
  readonly state: HTMLElement;
}

/** `changed` hears what has been done. */
export function changes(changed: (what: string) => void): Changes {
  const busy = signal(false);
  const told = signal("");
  const wrong = signal<unknown>(undefined);
  const stop = new AbortController();
  onEnd(() => stop.abort());
  const run = async (what: string, build: (from: string) => Request): Promise<void> => {
    busy.set(true);
    wrong.set(undefined);
    try {
      const held = await onChain(await connected());
      told.set("Your wallet shows the change. Confirm it there.");
      await settled(await send(held, build(held.address), what), told.set, stop.signal);
      changed(what);
    } catch (error) {
      wrong.set(error);
    } finally {
      told.set("");
      busy.set(false);
    }
  };
  const state = h("div", null, h("p", { class: "quiet", role: "status" }, told), () => (wrong() === undefined ? undefined : failure(wrong())));
  return { change: (what, build) => void run(what, build), busy, state };
}
