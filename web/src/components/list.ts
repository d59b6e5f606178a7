/** A list that comes in pages. */

import { type Child, h } from "../h.ts";
import { onEnd, signal } from "../signal.ts";
import { failure, loading } from "./notice.ts";

interface Page<T> {
  items: readonly T[];
  next_cursor?: string | null;
}

/** Asks for the first page at once and for others when told to; `view` shows all that came. */
export function list<T>(
  what: string,
  ask: (cursor: string | undefined, signal: AbortSignal) => Promise<Page<T>>,
  view: (items: readonly T[], again: () => void) => Child,
): HTMLElement {
  const items = signal<readonly T[] | undefined>(undefined);
  const next = signal<string | undefined>(undefined);
  const busy = signal(false);
  const wrong = signal<unknown>(undefined);
  const stop = new AbortController();
  onEnd(() => stop.abort());
  const load = async (cursor?: string): Promise<void> => {
    busy.set(true);
    wrong.set(undefined);
    try {
      const page = await ask(cursor, stop.signal);
      items.update((before) => [...(cursor ? (before ?? []) : []), ...page.items]);
      next.set(page.next_cursor ?? undefined);
    } catch (error) {
      if (!stop.signal.aborted) wrong.set(error);
    } finally {
      busy.set(false);
    }
  };
  void load();
  return h(
    "div",
    { "aria-busy": () => String(busy()) },
    () => {
      const all = items();
      if (all) return view(all, () => void load());
      return wrong() === undefined ? loading(`${what} …`) : undefined;
    },
    () => (wrong() === undefined ? undefined : failure(wrong(), () => void load(next()))),
    () =>
      next() !== undefined &&
      h(
        "p",
        { class: "more" },
        h("button", { type: "button", disabled: busy, onclick: () => void load(next()) }, "Load more"),
      ),
  );
}
