/** The publication itself: what is missing, what is under way, and the data set at the end. */

import { finality } from "../../components/finality.ts";
import { failure, success } from "../../components/notice.ts";
import { steps } from "../../components/steps.ts";
import { connected } from "../../components/walletButton.ts";
import { h } from "../../h.ts";
import type { Draft } from "../../publish/draft.ts";
import { Publication, type Published } from "../../publish/publication.ts";
import { onEnd, type Signal, signal, untracked } from "../../signal.ts";
import { after } from "./after.ts";

/** `fixed` is set while nothing may be changed. */
export function send(draft: Draft, fixed: Signal<boolean>): HTMLElement {
  const running = signal<Publication | undefined>(undefined);
  const busy = signal(false);
  const wrong = signal<unknown>(undefined);
  const published = signal<Published | undefined>(undefined);
  const stop = new AbortController();
  onEnd(() => stop.abort());

  const run = async (): Promise<void> => {
    const wanted = draft.wanted();
    const publication = running() ?? (wanted && new Publication(wanted));
    if (!publication) return;
    wrong.set(undefined);
    busy.set(true);
    try {
      const account = await connected();
      running.set(publication);
      fixed.set(true);
      published.set(await publication.run(account, stop.signal));
    } catch (error) {
      wrong.set(error);
    } finally {
      busy.set(false);
    }
  };
  /** What is sealed belongs to what was written, so another text is another publication. */
  const change = (): void => {
    running.set(undefined);
    wrong.set(undefined);
    fixed.set(false);
  };
  return h(
    "section",
    { class: "panel", "aria-labelledby": "send-title" },
    h("h2", { id: "send-title" }, "Publish"),
    () => {
      const done = published();
      if (done) {
        const left = untracked(() => draft.after());
        return [
          success("It is published", h("p", null, h("a", { href: `#/assets/${done.tokenId}` }, "See your data set"), " as buyers see it."), finality(done.transaction)),
          left.length > 0 && after(done.tokenId, left),
        ];
      }
      const missing = running() ? [] : draft.missing();
      return [
        missing.length > 0 && h("div", { class: "missing" }, h("p", null, "Before you can publish:"), h("ul", null, missing.map((text) => h("li", null, text)))),
        h("button", { type: "button", class: "primary", disabled: busy() || missing.length > 0, onclick: () => void run() }, running() && !busy() ? "Go on" : "Encrypt and publish"),
        running()?.canChange && !busy() && h("button", { type: "button", onclick: change }, "Change something"),
        missing.length === 0 && !running() && h("p", { class: "hint" }, asks(draft.after().length)),
      ];
    },
    () => {
      const publication = running();
      return publication && steps(publication.steps);
    },
    () => (wrong() === undefined ? undefined : failure(wrong())),
  );
}

/** What the wallet will ask for. */
function asks(later: number): string {
  const first = "Your wallet asks for one transaction, and for a sign-in if you are not signed in.";
  if (later === 0) return first;
  const more = later === 1 ? "one more transaction" : `${later} more transactions`;
  return `${first} Then ${more}: what you chose of free orders and of the contract that admits is set right after, and until then everyone whom your policy admits can order.`;
}
