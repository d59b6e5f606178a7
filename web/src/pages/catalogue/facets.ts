/**
 * What there is in the catalogue, counted, and a way to see only that. Each value is a link to the catalogue narrowed by it,
 * so it can be shared and opened elsewhere; followed here, it changes the list in place and keeps the focus.
 */

import type { Schema } from "../../api/client.ts";
import { count } from "../../format.ts";
import { type Child, fill, h } from "../../h.ts";
import { link } from "../../router.ts";
import { effect } from "../../signal.ts";
import { type Filters, noun } from "./filters.ts";

type Facets = Schema["Facets"];
type Facet = Schema["Facet"];
type Name = "keyword" | "license" | "service" | "pricing";

const GROUPS: readonly (readonly [Name, string, (facets: Facets) => readonly Facet[]])[] = [
  ["service", "You get", ({ services }) => services],
  ["pricing", "Price", ({ pricing }) => pricing],
  ["keyword", "Keyword", ({ keywords }) => keywords],
  ["license", "Licence", ({ licenses }) => licenses],
];

interface Options {
  /** The counts, when they are there. */
  found: () => Facets | undefined;
  filters: () => Filters;
  /** Narrows to a value, or to none. */
  choose: (name: Name, value: string) => void;
}

/** What the API's values are called; others say it themselves. */
const WORDS: Record<string, string> = {
  "service compute": "A model that learned from it",
  "service download": "The data itself",
  "service compute algorithm": "Its use in a job",
  "pricing free": "Free",
  "pricing paid": "Paid",
};

export function facets({ found, filters, choose }: Options): HTMLElement {
  const wide = matchMedia("(min-width: 60rem)").matches;
  return h(
    "details",
    { class: "facets", open: wide },
    h("summary", null, "Narrow down"),
    GROUPS.map(([name, title, of]) => {
      const [id, list] = [`facet-${name}`, h("ul")];
      effect(() => {
        // The links are made anew; the focus stays on the value that has it.
        const held = list.contains(document.activeElement) && (document.activeElement as HTMLElement).dataset["value"];
        fill(list, values(of, name, found(), filters()).map((facet) => item(name, facet)));
        const links = [...list.querySelectorAll<HTMLElement>("[data-value]")];
        links.find(({ dataset }) => dataset["value"] === held)?.focus({ preventScroll: true });
      });
      return h("section", { "aria-labelledby": id }, h("h2", { id }, title), list);
    }),
  );

  function item(name: Name, { value, count: hits }: Facet): Child {
    const chosen = filters()[name] === value;
    const next = chosen ? "" : value;
    const follow = (event: MouseEvent): void => {
      if (event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
      event.preventDefault();
      choose(name, next);
    };
    return h(
      "li",
      null,
      h(
        "a",
        {
          href: link("/", { ...filters(), [name]: next }),
          "aria-current": chosen ? "true" : null,
          "data-value": value,
          onclick: follow,
        },
        h("span", null, WORDS[`${name} ${value} ${filters().kind}`] ?? WORDS[`${name} ${value}`] ?? value),
        " ",
        h(
          "span",
          { class: "count" },
          count(hits),
          h("span", { class: "sr" }, ` ${noun(hits, filters())}${chosen ? ", chosen; follow to show all" : ""}`),
        ),
      ),
    );
  }
}

/** The values of a group; the chosen one is among them, even if nothing has it any more. */
function values(of: (facets: Facets) => readonly Facet[], name: Name, found: Facets | undefined, filters: Filters): readonly Facet[] {
  const [all, chosen] = [found ? of(found) : [], filters[name]];
  if (chosen === "" || all.some(({ value }) => value === chosen)) return all;
  return [{ value: chosen, count: found?.total ?? 0 }, ...all];
}
