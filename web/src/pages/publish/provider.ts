/** Who computes on the data: looked up by its wallet, with the key that the data is sealed to. */

import { field, typed } from "../../components/field.ts";
import { failure, hint, loading } from "../../components/notice.ts";
import type { Hex } from "../../envelope/bytes.ts";
import { h } from "../../h.ts";
import type { Draft } from "../../publish/draft.ts";
import { findProvider, type Provider } from "../../publish/provider.ts";
import { signal } from "../../signal.ts";

export function provider(draft: Draft, suggested: readonly Hex[]): HTMLElement {
  const busy = signal(false);
  const wrong = signal<unknown>(undefined);
  let visit = 0;
  const look = async (text: string): Promise<void> => {
    const mine = (visit += 1);
    draft.provider.set(undefined);
    draft.compared.set(false);
    wrong.set(undefined);
    if (!/^0x[0-9a-f]{40}$/i.test(text.trim())) return busy.set(false);
    busy.set(true);
    try {
      const found = await findProvider(text.trim().toLowerCase() as Hex);
      if (mine === visit) draft.provider.set(found);
    } catch (error) {
      if (mine === visit) wrong.set(error);
    } finally {
      if (mine === visit) busy.set(false);
    }
  };
  const [first = ""] = suggested;
  const input = h("input", { value: first, spellcheck: "false", list: "providers", oninput: (event: Event) => void look(typed(event)) });
  void look(first);
  return h(
    "div",
    null,
    field({ label: "Provider's wallet", hint: "Who runs the jobs. It can open the data, so choose somebody whom you trust with it, or run a provider yourself." }, input),
    h("datalist", { id: "providers" }, suggested.map((wallet) => h("option", { value: wallet }))),
    h("div", { "aria-live": "polite" }, () => {
      const found = draft.provider();
      if (busy()) return loading("Looking the provider up …");
      if (wrong() !== undefined) return failure(wrong());
      return found && view(draft, found);
    }),
  );
}

function view(draft: Draft, found: Provider): HTMLElement {
  const state = found.online ? (found.computes ? "online and can compute" : "online, but can not seal a worker on its machine") : "not online at the moment";
  return h(
    "div",
    null,
    hint(
      h("strong", null, `The provider is ${state}`),
      h("p", null, "The data is sealed to this key: ", h("code", { class: "wide" }, found.publicKey)),
      found.signed && h("p", null, "The provider's wallet has signed for it."),
    ),
    !found.signed &&
      h(
        "label",
        { class: "check" },
        h("input", { type: "checkbox", onchange: (event: Event) => draft.compared.set((event.target as HTMLInputElement).checked) }),
        "I have compared this key with the one that the provider gave me. Whoever has its other half can read the data.",
      ),
  );
}
