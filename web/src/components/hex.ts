/** An address or a hash, shortened, with a button that copies the whole. */

import { short } from "../format.ts";
import { h } from "../h.ts";
import { signal } from "../signal.ts";

export function hex(value: string, what: string): HTMLElement {
  const copied = signal(false);
  const copy = async (): Promise<void> => {
    await navigator.clipboard.writeText(value);
    copied.set(true);
    setTimeout(() => copied.set(false), 1500);
  };
  return h(
    "span",
    { class: "hex" },
    h("code", { title: value }, short(value)),
    h(
      "button",
      { type: "button", class: "small ghost", "aria-label": `Copy ${what}`, onclick: () => void copy() },
      () => (copied() ? "Copied" : "Copy"),
    ),
  );
}
