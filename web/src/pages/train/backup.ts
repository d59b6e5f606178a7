/** Who orders learns in time that a result opens in this browser only, and how to change that. */

import { hint } from "../../components/notice.ts";
import { h } from "../../h.ts";
import { lacksBackup } from "../../job/resultKey.ts";
import { effect, signal } from "../../signal.ts";
import { account } from "../../wallet/account.ts";

/** `what` will open, in words. */
export function backup(what: string): HTMLElement {
  const lacking = signal(false);
  effect(() => {
    const held = account();
    // Without a store for keys there is nothing to offer; ordering says so itself.
    if (held) void lacksBackup(held.address).then(lacking.set, () => undefined);
  });
  return h(
    "div",
    null,
    () =>
      lacking() &&
      hint(
        `Your ${what} will open in this browser only. To open it elsewhere too, `,
        h("a", { href: "#/keys" }, "make a key with a backup"),
        " before you order.",
      ),
  );
}
