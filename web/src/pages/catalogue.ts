/** The catalogue: every data set and algorithm that can be found, narrowed by words, kind, price and what is paid with. */

import { call, type Schema } from "../api/client.ts";
import { field, select, typed } from "../components/field.ts";
import { empty, failure, loading } from "../components/notice.ts";
import { shelf } from "../components/shelf.ts";
import { count, symbol, units } from "../format.ts";
import { fill, h } from "../h.ts";
import type { View } from "../main.ts";
import { remember } from "../router.ts";
import { effect, onEnd, signal, untracked } from "../signal.ts";
import { card, type Card, cardOf } from "./catalogue/card.ts";
import { facets as facetList } from "./catalogue/facets.ts";
import { asked, type Filters, filtersOf, noun } from "./catalogue/filters.ts";

type Facets = Schema["Facets"];

/** Cards that are asked for at first, which is more than a window shows, and then at a time. */
const [FIRST, PAGE] = [12, 48];
/** A pause in typing after which is searched. */
const PAUSE = 250;

export function catalogue(_: Record<string, string>, query: URLSearchParams): View {
  const filters = signal<Filters>(filtersOf(query));
  /** Cards of all pages so far; `length` tells when there are more, and is nothing before the first page. */
  let cards: Card[] = [];
  const length = signal<number | undefined>(undefined);
  /** Counts the searches that were answered: each has a shelf of its own. */
  const search = signal(0);
  const next = signal<string | undefined>(undefined);
  const counted = signal<Facets | undefined>(undefined);
  const wrong = signal<unknown>(undefined);
  const busy = signal(true);
  const badPrice = signal<string | undefined>(undefined);
  let stop = new AbortController();
  let timer = 0;
  onEnd(() => (clearTimeout(timer), stop.abort()));

  /** The price as base units; nothing if none is asked, or it is no number. */
  const most = async (aborted: AbortSignal): Promise<string | undefined> => {
    const { token, most } = filters();
    badPrice.set(undefined);
    if (token === "" || most === "") return undefined;
    const known = (): Schema["TokenFacet"] | undefined => counted()?.payment_tokens.find((one) => one.token === token);
    // An address with a price may come before anything is known of the token.
    if (!known()) counted.set(await call("get", "/v1/assets/facets", { signal: aborted, query: { payment_token: token } }));
    const decimals = known()?.decimals;
    const price = decimals === undefined ? undefined : units(most, decimals);
    if (decimals !== undefined && price === undefined) badPrice.set("Write a number, like 2.50");
    return price?.toString();
  };
  const ask = async (cursor?: string): Promise<void> => {
    stop.abort();
    stop = new AbortController();
    const { signal: aborted } = stop;
    busy.set(true);
    wrong.set(undefined);
    if (!cursor) next.set(undefined);
    try {
      const price = await most(aborted);
      const narrowed = { ...asked(filters()), ...(price !== undefined && { max_price: price }) };
      const answer = await call("get", "/v1/assets", {
        signal: aborted,
        query: { limit: cursor ? PAGE : FIRST, ...narrowed, ...(cursor && { cursor }) },
      });
      if (!cursor) {
        cards = [];
        search.update((before) => before + 1);
      }
      cards.push(...answer.items.map(cardOf));
      length.set(cards.length);
      next.set(answer.next_cursor ?? undefined);
      busy.set(false);
      // Counting takes longer than finding the first page, so it begins when that is painted.
      if (!cursor) requestAnimationFrame(() => setTimeout(() => aborted.aborted || void tally(narrowed)));
    } catch (error) {
      if (aborted.aborted) return;
      wrong.set(error);
      busy.set(false);
    }
  };
  let counting = new AbortController();
  onEnd(() => counting.abort());
  const tally = async (narrowed: ReturnType<typeof asked> & { max_price?: string }): Promise<void> => {
    counting.abort();
    counting = new AbortController();
    const { signal: aborted } = counting;
    try {
      counted.set(await call("get", "/v1/assets/facets", { signal: aborted, query: narrowed }));
    } catch {
      // The list is there; only the counts are not.
      if (!aborted.aborted) counted.set(undefined);
    }
  };
  const change = (name: keyof Filters, value: string, pause = PAUSE): void => {
    filters.update((before) => ({ ...before, [name]: value }));
    remember("/", { ...filters() });
    clearTimeout(timer);
    timer = window.setTimeout(() => void ask(), pause);
  };
  void ask();

  const paidWith = select([["", "Anything"]], { onchange: (event: Event) => change("token", typed(event)) });
  // In place: a list that is open, or has the focus, is not taken away.
  effect(() => {
    const known = counted()?.payment_tokens ?? [];
    const { token } = filters();
    const lost = token !== "" && known.every((one) => one.token !== token);
    const options = [["", "Anything"], ...known.map((one) => [one.token, `${symbol(one)} (${count(one.count)})`]), ...(lost ? [[token, token]] : [])];
    fill(
      paidWith,
      options.map(([value = "", text = ""]) => h("option", { value, selected: value === token }, text)),
    );
  });
  const form = h(
    "form",
    {
      class: "filters",
      role: "search",
      onsubmit: (event: Event) => (event.preventDefault(), clearTimeout(timer), void ask()),
    },
    field(
      { label: "Search" },
      h("input", {
        type: "search",
        value: filters().q,
        placeholder: "Words in the title or description",
        oninput: (event: Event) => change("q", typed(event)),
      }),
    ),
    field(
      { label: "Kind" },
      select(
        [
          ["", "All"],
          ["dataset", "Data sets"],
          ["algorithm", "Algorithms"],
        ],
        { value: filters().kind, onchange: (event: Event) => change("kind", typed(event), 0) },
      ),
    ),
    field({ label: "Paid with" }, paidWith),
    field(
      { label: "At most", wrong: badPrice, hint: "Choose what it is paid with first." },
      h("input", {
        inputmode: "decimal",
        value: filters().most,
        oninput: (event: Event) => change("most", typed(event)),
      }),
    ),
    field(
      { label: "Shown" },
      select(
        [
          ["", "Everything"],
          ["active", "Can be ordered"],
        ],
        { value: filters().state, onchange: (event: Event) => change("state", typed(event)) },
      ),
    ),
  );
  const more = (): void => {
    const cursor = next();
    if (cursor !== undefined && !busy() && wrong() === undefined) void ask(cursor);
  };
  const whole = (): number | undefined => counted()?.total ?? (next() === undefined && !busy() ? length() : undefined);
  const list = h(
    "div",
    { "aria-busy": () => String(busy()) },
    h("p", { class: "quiet tally", role: "status" }, () => {
      const total = counted()?.total;
      return total === undefined ? "" : `${count(total)} ${noun(total, untracked(filters))}`;
    }),
    () => search() > 0 && shelf({ length: () => length() ?? 0, total: whole, card: (at) => cards[at] && card(cards[at]), more }),
    () => {
      if (wrong() !== undefined) return failure(wrong(), () => void ask(next()));
      if (length() === undefined) return loading("Loading the catalogue …");
      return length() === 0 && empty("Nothing fits", h("p", null, "Search for fewer words, or allow a higher price."));
    },
    () => next() !== undefined && busy() && loading("Loading more …"),
  );
  const body = h(
    "div",
    null,
    h(
      "section",
      { class: "hero" },
      h("h1", null, "Learn from data that never leaves its owner"),
      h(
        "p",
        null,
        "Choose a data set, describe a model, pay once. The model is trained where the data is, and only you can open it.",
      ),
    ),
    form,
    h(
      "div",
      { class: "browse" },
      facetList({ found: counted, filters, choose: (name, value) => change(name, value, 0) }),
      list,
    ),
  );
  return { title: "Atoll", body };
}
