/** Something that is asked for: while it is on its way, when it is there, and when it did not come. */

import { type Child, h } from "../h.ts";
import { onEnd, signal } from "../signal.ts";
import { failure, loading } from "./notice.ts";

type State<T> = { at: "loading" } | { at: "there"; value: T } | { at: "failed"; error: unknown };

/** Asks at once, and again when told to; shows `view` of what came. */
export function load<T>(
  what: string,
  ask: (signal: AbortSignal) => Promise<T>,
  view: (value: T, again: () => void) => Child,
): HTMLElement {
  const state = signal<State<T>>({ at: "loading" });
  const stop = new AbortController();
  onEnd(() => stop.abort());
  const again = (): void => {
    ask(stop.signal).then(
      (value) => stop.signal.aborted || state.set({ at: "there", value }),
      (error: unknown) => stop.signal.aborted || state.set({ at: "failed", error }),
    );
  };
  again();
  return h("div", { "aria-busy": () => (state().at === "loading" ? "true" : "false") }, () => {
    const now = state();
    if (now.at === "loading") return loading(`${what} …`);
    if (now.at === "there") return view(now.value, again);
    return failure(now.error, () => {
      state.set({ at: "loading" });
      again();
    });
  });
}
