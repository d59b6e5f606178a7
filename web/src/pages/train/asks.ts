/** The two things that can be asked of a data set: a model, or statistics. */

import { h } from "../../h.ts";
import { link } from "../../router.ts";

const PAGES = { model: ["train", "Train a model"], statistics: ["statistics", "Ask for statistics"] } as const;

export type Asked = keyof typeof PAGES;

/** The address of the page that orders one of both. */
export function pageOf(asked: Asked, token: string, service: number, held = false): string {
  return link(`/assets/${token}/${PAGES[asked][0]}`, { service: String(service), held: held ? "1" : "" });
}

/** Leads from one to the other. */
export function asks(here: Asked, token: string, service: number, held: boolean): HTMLElement {
  return h(
    "nav",
    { class: "row asks", "aria-label": "What to order" },
    (["model", "statistics"] as const).map((asked) =>
      h(
        "a",
        {
          class: asked === here ? "button primary" : "button",
          href: pageOf(asked, token, service, held),
          "aria-current": asked === here ? "page" : null,
        },
        PAGES[asked][1],
      ),
    ),
  );
}
