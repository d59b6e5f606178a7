/** The keys of this browser: what they open, their backups, and bringing one back. */

import { hex } from "../../components/hex.ts";
import { load } from "../../components/load.ts";
import { empty, failure, success } from "../../components/notice.ts";
import { connected } from "../../components/walletButton.ts";
import type { Hex } from "../../envelope/bytes.ts";
import { moment, same } from "../../format.ts";
import { type Child, h } from "../../h.ts";
import { register, registered } from "../../keys/register.ts";
import { KeyStore, type StoredKey } from "../../keys/store.ts";
import type { View } from "../../main.ts";
import { effect, type Signal, signal, untracked } from "../../signal.ts";
import { account } from "../../wallet/account.ts";
import { make } from "./make.ts";
import { restore } from "./restore.ts";

export function keysPage(): View {
  // Only another account is another page; a wallet that changes its chain is not.
  const address = signal(account()?.address.toLowerCase());
  effect(() => address.set(account()?.address.toLowerCase()));
  const body = h(
    "div",
    null,
    h("h1", null, "Keys"),
    h("p", { class: "quiet" }, "Results are sealed to a key that lives in this browser and never leaves it. Without the key, nobody can open them, you included."),
    () => {
      const held = address();
      return untracked(() => (held ? view(held) : unconnected()));
    },
  );
  return { title: "Keys", body };
}

function unconnected(): HTMLElement {
  const wrong = signal<unknown>(undefined);
  const connect = (): void => void connected().catch((error: unknown) => wrong.set(error));
  return h(
    "div",
    null,
    empty("Connect a wallet", h("p", null, "Keys belong to an account."), h("p", null, h("button", { type: "button", class: "primary", onclick: connect }, "Connect wallet"))),
    () => (wrong() === undefined ? undefined : failure(wrong())),
  );
}

interface Shown {
  keys: StoredKey[];
  registered: Hex | undefined;
}

async function ask(address: string): Promise<Shown> {
  const store = await KeyStore.open();
  try {
    return { keys: await store.of(address as Hex, "consumer"), registered: await registered(address, "consumer") };
  } finally {
    store.close();
  }
}

function view(address: string): HTMLElement {
  /** Counts up when the list has to be read again. */
  const version = signal(0);
  const told: Signal<Child> = signal<Child>(undefined);
  const changed = (message: Child): void => {
    told.set(message);
    version.update((now) => now + 1);
  };
  return h(
    "div",
    null,
    h("div", { "aria-live": "polite" }, () => told()),
    () => {
      version();
      return load("Looking for keys", () => ask(address), (shown) => list(shown, changed));
    },
    h("div", { class: "grid apart" }, make(address as Hex, changed), restore(address as Hex, changed)),
  );
}

function list({ keys, registered }: Shown, changed: (message: Child) => void): HTMLElement {
  if (keys.length === 0) {
    return empty("This browser has no key of this account yet", h("p", null, "One is made by itself with your first job. Make it here to have a backup, or bring one back."));
  }
  const rows = keys.map((key, at) =>
    h(
      "tr",
      null,
      h("th", { scope: "row" }, hex(key.id, "key")),
      h("td", null, moment(key.addedAt.getTime() / 1000)),
      h("td", null, at === 0 ? "Seals new results" : "Opens earlier results"),
      h("td", null, key.backedUp ? "Backed up" : "No backup, and none can be made"),
      h("td", null, same(registered, key.id) ? "Others seal to it" : registration(key, changed)),
    ),
  );
  return h(
    "div",
    { class: "scroll", tabindex: "0", role: "region", "aria-label": "Keys of this browser" },
    h("table", null, h("thead", null, h("tr", null, ["Key", "Since", "Use", "Backup", "Registered"].map((name) => h("th", { scope: "col" }, name)))), h("tbody", null, rows)),
  );
}

function registration(key: StoredKey, changed: (message: Child) => void): HTMLElement {
  const busy = signal(false);
  const wrong = signal<unknown>(undefined);
  const run = async (): Promise<void> => {
    busy.set(true);
    wrong.set(undefined);
    try {
      await register(await connected(), key);
      changed(success("The key is registered", h("p", null, "Others can now seal to it.")));
    } catch (error) {
      wrong.set(error);
    } finally {
      busy.set(false);
    }
  };
  return h(
    "div",
    null,
    h("button", { type: "button", disabled: busy, onclick: () => void run() }, "Register by signature"),
    () => (wrong() === undefined ? undefined : failure(wrong())),
  );
}
