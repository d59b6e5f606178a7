/** Orders, buyers and revenue of an asset. */

import { call, type Schema } from "../../api/client.ts";
import { sketch } from "../../components/chart.ts";
import { load } from "../../components/load.ts";
import { amount, count } from "../../format.ts";
import { h } from "../../h.ts";

type Statistics = Schema["AssetStatistics"];

const DAYS = 30;

export function statistics({ token_id }: Schema["Asset"]): HTMLElement {
  const ask = (signal: AbortSignal): Promise<Statistics> =>
    call("get", "/v1/assets/{token_id}/statistics", { path: { token_id }, signal });
  return load("Counting", ask, (found) => [
    h(
      "dl",
      { class: "figures" },
      figureOf("Orders", count(found.orders.opened)),
      figureOf("Delivered", count(found.orders.fulfilled)),
      figureOf("Buyers", count(found.unique_buyers)),
      found.revenue.map(({ paid }) => figureOf("Paid in all", amount(paid.amount, paid))),
    ),
    found.orders.opened > 0 && perDay(found),
  ]);
}

function figureOf(name: string, value: string): HTMLElement {
  return h("div", null, h("dt", null, name), h("dd", null, value));
}

function perDay({ days }: Statistics): HTMLElement {
  const opened = new Map(days.map(({ date, orders }) => [date, orders.opened]));
  const bars = Array.from({ length: DAYS }, (_, at) => {
    const date = new Date(Date.now() - (DAYS - 1 - at) * 86_400_000).toISOString().slice(0, 10);
    return [date, opened.get(date) ?? 0] as const;
  });
  const drawing = sketch("day, orders", bars);
  drawing.classList.add("bars");
  drawing.setAttribute("preserveAspectRatio", "none");
  drawing.setAttribute(
    "aria-label",
    `Orders in the last ${DAYS} days: ${bars.reduce((sum, [, value]) => sum + value, 0)}`,
  );
  return h("figure", { class: "chart" }, h("figcaption", null, `Orders a day, last ${DAYS} days`), drawing);
}
