/** A new key with a backup: the only moment at which one can be made. */

import { field, typed } from "../../components/field.ts";
import { failure, success } from "../../components/notice.ts";
import type { Hex } from "../../envelope/bytes.ts";
import { type Child, h } from "../../h.ts";
import { SHORTEST_PASSPHRASE } from "../../keys/backup.ts";
import { makeKey } from "../../keys/keys.ts";
import { KeyStore } from "../../keys/store.ts";
import { signal } from "../../signal.ts";

export function make(account: Hex, changed: (message: Child) => void): HTMLElement {
  const passphrase = signal("");
  const again = signal("");
  const busy = signal(false);
  const wrong = signal<unknown>(undefined);
  const run = async (): Promise<void> => {
    busy.set(true);
    wrong.set(undefined);
    try {
      const store = await KeyStore.open();
      try {
        const { key, backup } = await makeKey(store, account, "consumer", passphrase());
        save(`atoll-key-${key.id.slice(2, 10)}.json`, backup ?? "");
      } finally {
        store.close();
      }
      form.reset();
      passphrase.set("");
      again.set("");
      changed(success("The key is made and its backup saved", h("p", null, "Keep the file where it is not lost, and the passphrase somewhere else. Both are needed to bring the key back.")));
    } catch (error) {
      wrong.set(error);
    } finally {
      busy.set(false);
    }
  };
  const short = (): string | undefined => (passphrase() !== "" && [...passphrase()].length < SHORTEST_PASSPHRASE ? `At least ${SHORTEST_PASSPHRASE} characters.` : undefined);
  const differs = (): string | undefined => (again() !== "" && again() !== passphrase() ? "The two differ." : undefined);
  const sound = (): boolean => passphrase() !== "" && passphrase() === again() && short() === undefined;
  const form: HTMLFormElement = h(
    "form",
    { class: "panel", onsubmit: (event: Event) => (event.preventDefault(), sound() && void run()) },
    h("h2", null, "New key with a backup"),
    h("p", null, "Its file opens with your passphrase only. Several words that you use nowhere else are best."),
    field({ label: "Passphrase", wrong: short }, h("input", { type: "password", autocomplete: "new-password", oninput: (event: Event) => passphrase.set(typed(event)) })),
    field({ label: "Passphrase again", wrong: differs }, h("input", { type: "password", autocomplete: "new-password", oninput: (event: Event) => again.set(typed(event)) })),
    h("button", { class: "primary", disabled: () => busy() || !sound() }, () => (busy() ? "Making it …" : "Make a key and save its backup")),
    () => (wrong() === undefined ? undefined : failure(wrong())),
  );
  return form;
}

function save(name: string, text: string): void {
  const url = URL.createObjectURL(new Blob([text], { type: "application/json" }));
  const link = h("a", { href: url, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
