/** A key from its backup, for this browser. */

import { field, typed } from "../../components/field.ts";
import { failure, success } from "../../components/notice.ts";
import type { Hex } from "../../envelope/bytes.ts";
import { same, short } from "../../format.ts";
import { type Child, h } from "../../h.ts";
import { restoreKey } from "../../keys/keys.ts";
import { KeyStore } from "../../keys/store.ts";
import { signal } from "../../signal.ts";

export function restore(account: Hex, changed: (message: Child) => void): HTMLElement {
  const file = signal<File | undefined>(undefined);
  const passphrase = signal("");
  const busy = signal(false);
  const wrong = signal<unknown>(undefined);
  const run = async (chosen: File): Promise<void> => {
    busy.set(true);
    wrong.set(undefined);
    try {
      const store = await KeyStore.open();
      try {
        const key = await restoreKey(store, await chosen.text(), passphrase());
        const whose = same(key.account, account) ? "It opens your results in this browser again." : `It belongs to the account ${short(key.account)}. Choose that account in your wallet to use it.`;
        form.reset();
        file.set(undefined);
        passphrase.set("");
        changed(success("The key is back", h("p", null, whose)));
      } finally {
        store.close();
      }
    } catch (error) {
      wrong.set(error);
    } finally {
      busy.set(false);
    }
  };
  const submit = (event: Event): void => {
    event.preventDefault();
    const chosen = file();
    if (chosen) void run(chosen);
  };
  const form: HTMLFormElement = h(
    "form",
    { class: "panel", onsubmit: submit },
    h("h2", null, "Bring a key back"),
    h("p", null, "For another browser, or after this one has lost its data."),
    field({ label: "Backup file" }, h("input", { type: "file", accept: ".json,application/json", onchange: (event: Event) => file.set((event.target as HTMLInputElement).files?.[0]) })),
    field({ label: "Its passphrase" }, h("input", { type: "password", autocomplete: "off", oninput: (event: Event) => passphrase.set(typed(event)) })),
    h("button", { class: "primary", disabled: () => busy() || !file() || passphrase() === "" }, () => (busy() ? "Opening it …" : "Bring it back")),
    () => (wrong() === undefined ? undefined : failure(wrong())),
  );
  return form;
}
