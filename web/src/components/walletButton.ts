/** The wallet in the page's head: choose one, see which account it is, leave. */

import { chainName, market } from "../market.ts";
import { short } from "../format.ts";
import { append, h } from "../h.ts";
import { session, signOut } from "../session.ts";
import { effect, signal } from "../signal.ts";
import { account, connect, disconnect, type Account } from "../wallet/account.ts";
import { onChain } from "../wallet/chain.ts";
import { announced, type Announced } from "../wallet/provider.ts";
import { ofWallet, Refused } from "../wallet/refused.ts";
import { failure } from "./notice.ts";

export function walletButton(): HTMLElement {
  const here = signal<number | undefined>(undefined);
  const name = signal("the market's chain");
  market().then(
    ({ chain_id }) => here.set(chain_id),
    () => undefined,
  );
  chainName().then(name.set, () => undefined);
  return h("div", { class: "wallet" }, () => {
    const held = account();
    if (!held) return h("button", { type: "button", class: "primary", onclick: () => void chosen() }, "Connect wallet");
    const elsewhere = here() !== undefined && held.chainId !== here();
    return [
      elsewhere &&
        h(
          "button",
          { type: "button", class: "warn", onclick: () => void onChain(held).catch(show) },
          `Switch to ${name()}`,
        ),
      h(
        "details",
        { class: "menu" },
        h(
          "summary",
          { title: held.address },
          icon(held.wallet),
          h("span", { class: "sr" }, "Account"),
          h("code", null, short(held.address)),
        ),
        h(
          "div",
          null,
          h("p", { class: "quiet" }, `${held.wallet.name}. `, session() ? "Signed in." : "Not signed in."),
          h("a", { href: "#/orders" }, "My orders and jobs"),
          h("a", { href: "#/desk" }, "Provider's desk"),
          session() && h("button", { type: "button", class: "ghost", onclick: () => void signOut() }, "Sign out"),
          h("button", { type: "button", class: "ghost", onclick: () => (void signOut(), disconnect()) }, "Disconnect"),
        ),
      ),
    ];
  });
}

function icon(wallet: Announced): HTMLElement | undefined {
  return wallet.icon ? h("img", { src: wallet.icon, alt: "", width: 18, height: 18 }) : undefined;
}

/** The account, after the visitor has chosen a wallet if there is none yet. */
export async function connected(): Promise<Account> {
  const held = account() ?? (await chosen());
  if (!held) throw new Refused("No wallet is connected", "Connect a wallet, then try again. Nothing was spent.");
  return held;
}

/** Opens the list of wallets; gives the account that was connected, or nothing if the visitor closed it. */
function chosen(): Promise<Account | undefined> {
  const dialog = h("dialog", { class: "chooser", "aria-labelledby": "chooser-title" });
  const wrong = signal<unknown>(undefined);
  let held: Account | undefined;
  const take = async (wallet: Announced): Promise<void> => {
    wrong.set(undefined);
    try {
      held = await connect(wallet);
      dialog.close();
    } catch (error) {
      wrong.set(ofWallet(error, "to connect"));
    }
  };
  append(dialog, [
    h("h2", { id: "chooser-title" }, "Choose a wallet"),
    h("p", { class: "quiet" }, "A wallet holds your account and asks you before anything is signed or paid."),
    () =>
      announced().length > 0
        ? h(
            "ul",
            null,
            announced().map((wallet) =>
              h(
                "li",
                null,
                h("button", { type: "button", onclick: () => void take(wallet) }, icon(wallet), wallet.name),
              ),
            ),
          )
        : h(
            "div",
            { class: "notice" },
            h("strong", null, "No wallet was found in this browser"),
            h(
              "p",
              null,
              "Install a wallet such as MetaMask as an extension of this browser, then load the page again.",
            ),
          ),
    () => (wrong() === undefined ? undefined : failure(wrong())),
    h("button", { type: "button", class: "ghost", onclick: () => dialog.close() }, "Close"),
  ]);
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((done) => {
    dialog.addEventListener("close", () => {
      dialog.remove();
      done(held);
    });
  });
}

/** Something in the page's head did not work. */
const wrong = signal<unknown>(undefined);

function show(error: unknown): void {
  wrong.set(error);
}

export function headFailure(): HTMLElement {
  effect(() => void (account() && wrong.set(undefined)));
  return h("div", null, () => (wrong() === undefined ? undefined : failure(wrong())));
}
