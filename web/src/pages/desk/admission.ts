/** Who may order a published service, and how often for nothing: what the contracts themselves hold to. */

import type { Schema } from "../../api/client.ts";
import { field, typed } from "../../components/field.ts";
import { addresses, whole } from "../../format.ts";
import { h } from "../../h.ts";
import { type Signal, signal } from "../../signal.ts";
import type { Change } from "./change.ts";

type Asset = Schema["Asset"];
type Service = Schema["Service"];

export function admission(asset: Asset, service: Service, change: Change, busy: Signal<boolean>): HTMLElement {
  return h(
    "details",
    null,
    h("summary", null, "Who may order"),
    h(
      "div",
      { class: "grid" },
      gate(service, change, busy),
      service.gate ? members(asset, service.gate, change, busy) : undefined,
      BigInt(service.price.amount) === 0n && limits(service, change, busy),
    ),
  );
}

function gate({ datatoken, gate }: Service, change: Change, busy: Signal<boolean>): HTMLElement {
  const wrong = signal<string | undefined>(undefined);
  let wanted = gate ?? "";
  const submit = (): void => {
    const found = addresses(wanted);
    const sound = found !== undefined && found.length < 2;
    wrong.set(sound ? undefined : "Write one address, or nothing");
    if (sound)
      change("the new list", (from) => ({ kind: "set_gate", from, datatoken, ...(found[0] && { gate: found[0] }) }));
  };
  return h(
    "form",
    { onsubmit: (event: Event) => (event.preventDefault(), submit()) },
    field(
      { label: "Contract that admits buyers", hint: "Such as the market's list of members. Empty: everyone may order.", wrong },
      h("input", { value: wanted, spellcheck: "false", oninput: (event: Event) => (wanted = typed(event)) }),
    ),
    h("button", { disabled: busy }, "Change who admits"),
  );
}

/** Most accounts of one transaction. */
const MOST = 200;

function members(asset: Asset, gate: string, change: Change, busy: Signal<boolean>): HTMLElement {
  const wrong = signal<string | undefined>(undefined);
  let wanted = "";
  const submit = (member: boolean): void => {
    const accounts = addresses(wanted);
    const sound = accounts !== undefined && accounts.length > 0 && accounts.length <= MOST;
    wrong.set(sound ? undefined : `Write 1 to ${MOST} addresses, one a line`);
    if (sound) {
      change("the change of the list", (from) => ({ kind: "set_members", from, gate, token_id: asset.token_id, accounts, member }));
    }
  };
  return h(
    "form",
    { onsubmit: (event: Event) => (event.preventDefault(), submit(true)) },
    field(
      { label: "Accounts", hint: "One address a line.", wrong },
      h("textarea", { rows: 2, spellcheck: "false", oninput: (event: Event) => (wanted = typed(event)) }),
    ),
    h(
      "p",
      { class: "row" },
      h("button", { disabled: busy }, "Admit them"),
      h("button", { type: "button", disabled: busy, onclick: () => submit(false) }, "Admit them no longer"),
    ),
  );
}

function limits({ datatoken, free_limits: now }: Service, change: Change, busy: Signal<boolean>): HTMLElement {
  const wrong = signal<string | undefined>(undefined);
  let [each, all] = [now?.per_wallet?.toString() ?? "", now?.total?.toString() ?? ""];
  const submit = (): void => {
    const sound = [each, all].every((text) => text.trim() === "" || whole(Number(text), 1));
    wrong.set(sound ? undefined : "Write whole numbers, or nothing");
    const limit = (text: string): number | null => (text.trim() === "" ? null : Number(text));
    if (sound) {
      change("the new limits", (from) => ({ kind: "set_free_limits", from, datatoken, per_wallet: limit(each), total: limit(all) }));
    }
  };
  return h(
    "form",
    { onsubmit: (event: Event) => (event.preventDefault(), submit()) },
    field(
      { label: "Free orders for each account", hint: "Empty: as many as they like." },
      h("input", { inputmode: "numeric", value: each, oninput: (event: Event) => (each = typed(event)) }),
    ),
    field(
      { label: "Free orders in all", hint: "Empty: no end.", wrong },
      h("input", { inputmode: "numeric", value: all, oninput: (event: Event) => (all = typed(event)) }),
    ),
    h("button", { disabled: busy }, "Change the limits"),
  );
}
