/** What went wrong and what to do, or what went well; read out by a screen reader as soon as it is there. */

import { type Child, h } from "../h.ts";
import { explain } from "../wallet/refused.ts";

/** An error with what to do next, and a way to do it again. */
export function failure(error: unknown, again?: () => void, label = "Try again"): HTMLElement {
  const { title, next, reasons, request } = explain(error);
  return h(
    "div",
    { class: "notice bad", role: "alert" },
    h("strong", null, title),
    h("p", null, next),
    reasons.length > 0 &&
      h(
        "ul",
        null,
        reasons.map((reason) => h("li", null, reason)),
      ),
    request !== undefined && h("p", { class: "quiet" }, "For the operator: request ", h("code", null, request)),
    again && h("button", { type: "button", onclick: again }, label),
  );
}

export function success(title: string, ...rest: Child[]): HTMLElement {
  return h("div", { class: "notice good", role: "status" }, h("strong", null, title), ...rest);
}

export function hint(...text: Child[]): HTMLElement {
  return h("div", { class: "notice" }, ...text);
}

/** A place that has nothing yet. */
export function empty(title: string, ...rest: Child[]): HTMLElement {
  return h("div", { class: "empty" }, h("strong", null, title), ...rest);
}

export function loading(what: string): HTMLElement {
  return h("p", { class: "loading", role: "status" }, h("span", { class: "spinner", "aria-hidden": "true" }), what);
}
