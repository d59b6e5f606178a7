/** Pages by the part of the address behind `#`: it works below any server, and a link to a page is a link. */

import { signal } from "./signal.ts";

export interface Place {
  readonly path: string;
  readonly query: URLSearchParams;
}

function here(): Place {
  const [path = "/", query = ""] = location.hash.replace(/^#/, "").split("?", 2);
  return { path: path || "/", query: new URLSearchParams(query) };
}

export const place = signal(here());

addEventListener("hashchange", () => {
  // The link to the content is a link within the page.
  if (location.hash !== "#main") place.set(here());
});

export function go(path: string): void {
  location.hash = path;
}

/** The address of a page with a list that is narrowed. */
export function link(path: string, query: Record<string, string>): string {
  const kept = new URLSearchParams(Object.entries(query).filter(([, value]) => value !== ""));
  const text = kept.toString();
  return `#${path}${text ? `?${text}` : ""}`;
}

/** Writes what a list is narrowed to into the address without a new entry in the browser's history. */
export function remember(path: string, query: Record<string, string>): void {
  history.replaceState(null, "", link(path, query));
}

/** The values of `{…}` in a template, or nothing if the path is another. */
export function match(template: string, path: string): Record<string, string> | undefined {
  const [wanted, found] = [template.split("/"), path.split("/")];
  if (wanted.length !== found.length) return undefined;
  const values: Record<string, string> = {};
  for (const [at, part] of wanted.entries()) {
    const text = found[at] ?? "";
    if (part.startsWith("{")) {
      if (text === "") return undefined;
      try {
        values[part.slice(1, -1)] = decodeURIComponent(text);
      } catch {
        return undefined;
      }
    } else if (part !== text) return undefined;
  }
  return values;
}
