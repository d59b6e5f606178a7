/**
 * A list of cards that may be very long: all cards are equally tall, and only those near the window are in the document,
 * with the one that has the focus. Each says which of how many it is, since a screen reader can not count them.
 */

import { type Child, h } from "../h.ts";
import { effect, onEnd, scope } from "../signal.ts";

/** Measures in rem: the least width of a card, its height, and what is between two. */
const [LEAST, TALL, GAP] = [20, 16, 1];
/** Windows above and below for which cards are kept ready, so that scrolling never shows a hole. */
const READY = 1;
/** Windows before the end of what is there at which more is asked for. */
const EARLY = 3;

interface Options {
  /** Cards there are so far. */
  length: () => number;
  /** How many there will be, if that is known. */
  total: () => number | undefined;
  /** What is on a card. */
  card: (at: number) => Child;
  /** Asks for more cards; it is called often, and need not bring any. */
  more: () => void;
}

export function shelf({ length, total, card, more }: Options): HTMLElement {
  const list = h("ul", { class: "shelf", role: "list" });
  const placed = new Map<number, { item: HTMLElement; end: () => void }>();
  let [columns, rem] = [1, 16];

  const measure = (): void => {
    rem = Number.parseFloat(getComputedStyle(document.documentElement).fontSize) || 16;
    columns = Math.max(1, Math.floor((list.clientWidth + GAP * rem) / ((LEAST + GAP) * rem)));
  };
  const place = (item: HTMLElement, at: number): void => {
    const [row, column] = [Math.floor(at / columns), at % columns];
    item.style.top = `${row * (TALL + GAP)}rem`;
    item.style.left = `calc((100% + ${GAP}rem) * ${column / columns})`;
    item.style.width = `calc((100% + ${GAP}rem) / ${columns} - ${GAP}rem)`;
    item.style.height = `${TALL}rem`;
  };
  const put = (at: number): void => {
    if (placed.has(at)) return;
    const [item, end] = scope(() =>
      h("li", { class: "card", "aria-posinset": at + 1, "aria-setsize": total() ?? -1 }, card(at)),
    );
    place(item, at);
    const after = [...placed.keys()].filter((other) => other > at).reduce((least, other) => Math.min(least, other), Infinity);
    list.insertBefore(item, placed.get(after)?.item ?? null);
    placed.set(at, { item, end });
  };
  /** The cards that have to be there now. */
  const range = (): [number, number] => {
    const step = (TALL + GAP) * rem;
    const above = -list.getBoundingClientRect().top;
    const first = Math.floor((above - READY * innerHeight) / step);
    const last = Math.ceil((above + (1 + READY) * innerHeight) / step);
    return [Math.max(0, first * columns), Math.min(length(), Math.max(0, last * columns))];
  };
  const show = (): void => {
    const [from, to] = range();
    for (const [at, { item, end }] of placed) {
      if ((at >= from && at < to) || (at < length() && item.contains(document.activeElement))) continue;
      item.remove();
      end();
      placed.delete(at);
    }
    for (let at = from; at < to; at++) put(at);
    const left = list.getBoundingClientRect().bottom - innerHeight;
    if (list.isConnected && left < EARLY * innerHeight) more();
  };
  const arrange = (): void => {
    measure();
    list.style.height = `${Math.max(0, Math.ceil(length() / columns) * (TALL + GAP) - GAP)}rem`;
    for (const [at, { item }] of placed) place(item, at);
    show();
  };

  effect(arrange);
  effect(() => {
    const size = String(total() ?? -1);
    for (const { item } of placed.values()) item.setAttribute("aria-setsize", size);
  });
  const resized = new ResizeObserver(arrange);
  resized.observe(list);
  addEventListener("scroll", show, { passive: true });
  addEventListener("resize", arrange);
  onEnd(() => {
    resized.disconnect();
    removeEventListener("scroll", show);
    removeEventListener("resize", arrange);
    for (const { end } of placed.values()) end();
  });
  return list;
}
