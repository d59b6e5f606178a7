/** What is still to be set once a data set is published, each with one transaction. */

import { call, type Schema } from "../../api/client.ts";
import { load } from "../../components/load.ts";
import { count, short } from "../../format.ts";
import { h } from "../../h.ts";
import type { After } from "../../publish/draft.ts";
import { signal } from "../../signal.ts";
import { type Change, changes } from "../desk/change.ts";

/** `left` are the settings that the publisher chose in the form. */
export function after(tokenId: bigint, left: readonly After[]): HTMLElement {
  const path = { token_id: tokenId.toString() };
  return load(
    "Looking at what was published",
    (signal) => call("get", "/v1/assets/{token_id}", { path, signal }),
    ({ services: [service] }) => service && todo(service, left),
  );
}

function todo(service: Schema["Service"], left: readonly After[]): HTMLElement {
  const done = signal<readonly string[]>([]);
  const { change, busy, state } = changes((what) => done.update((all) => [...all, what]));
  const item = (what: After): HTMLElement => {
    const { title, button, name, set } = words(what, service, change);
    return h("li", null, h("p", null, title), () =>
      done().includes(name) ? h("p", { class: "quiet", role: "status" }, "Done.") : h("button", { type: "button", disabled: busy, onclick: set }, button),
    );
  };
  return h(
    "div",
    null,
    h("h3", null, () => (done().length < left.length ? "Still to be set" : "Everything is set")),
    h("p", null, () => done().length < left.length && "You chose this in the form. Until it is set, it does not hold: everyone whom your policy admits can order."),
    h("ul", { class: "todo" }, left.map(item)),
    state,
    h("p", { class: "quiet" }, h("a", { href: "#/desk" }, "Your desk"), " is where you change it later, and say who is on a list of members."),
  );
}

interface Words {
  title: string;
  button: string;
  /** What the wallet is asked for. */
  name: string;
  set: () => void;
}

/** A setting in words, and the transaction that makes it. */
function words(what: After, { datatoken }: Schema["Service"], change: Change): Words {
  if (what.kind === "gate") {
    const { gate } = what;
    const [button, name] = ["Set who admits buyers", "the contract that admits buyers"];
    const set = (): void => change(name, (from) => ({ kind: "set_gate", from, datatoken, gate }));
    return { title: `Only accounts that the contract ${short(gate)} admits may order.`, button, name, set };
  }
  const { perWallet, total } = what;
  const [button, name] = ["Set the limits", "the limits"];
  const set = (): void =>
    change(name, (from) => ({ kind: "set_free_limits", from, datatoken, per_wallet: perWallet ?? null, total: total ?? null }));
  const parts = [perWallet && `${count(perWallet)} for each account`, total && `${count(total)} in all`];
  return { title: `Given away: ${parts.filter(Boolean).join(", ")}.`, button, name, set };
}
