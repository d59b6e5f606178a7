/** What only the account itself may see: a way to connect and sign in, and then the thing. */

import { type Child, h } from "../h.ts";
import { session, signIn } from "../session.ts";
import { signal } from "../signal.ts";
import { account } from "../wallet/account.ts";
import { onChain } from "../wallet/chain.ts";
import { failure } from "./notice.ts";
import { connected } from "./walletButton.ts";

export function signedIn(what: string, view: () => Child): HTMLElement {
  const busy = signal(false);
  const wrong = signal<unknown>(undefined);
  const enter = async (): Promise<void> => {
    busy.set(true);
    wrong.set(undefined);
    try {
      await signIn(await onChain(await connected()));
    } catch (error) {
      wrong.set(error);
    } finally {
      busy.set(false);
    }
  };
  return h("div", null, () => {
    if (session()) return view();
    return h(
      "div",
      { class: "empty" },
      h("strong", null, `Sign in ${what}`),
      h("p", null, "Your wallet signs a message. This costs nothing and moves nothing."),
      h(
        "p",
        null,
        h("button", { type: "button", class: "primary", disabled: busy, onclick: () => void enter() }, () =>
          account() ? "Sign in" : "Connect wallet and sign in",
        ),
      ),
      () => (wrong() === undefined ? undefined : failure(wrong())),
    );
  });
}
