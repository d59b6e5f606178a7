/** Small drawings: a curve over epochs, a column's distribution, bars over days. Each says in words what it shows. */

import { count, figure } from "../format.ts";
import { h, svg } from "../h.ts";

const [WIDTH, HEIGHT, LEFT, BOTTOM, TOP] = [520, 200, 52, 26, 10];

export interface Curve {
  readonly name: string;
  readonly points: readonly (readonly [number, number])[];
  /** Last value of the horizontal axis, known before it is reached. */
  readonly until: number;
  readonly kind: "first" | "second";
  readonly range?: readonly [number, number];
}

/** One curve with its axes. */
export function curve({ name, points, until, kind, range }: Curve): HTMLElement {
  const values = points.map(([, y]) => y).filter(Number.isFinite);
  const [low, high] = range ?? spread(values);
  // A long job is shown as far as it is, or its curve would stand at the edge for minutes.
  const reached = points.at(-1)?.[0] ?? 1;
  const end = reached * 5 < until ? Math.max(reached, 2) : until;
  const x = (at: number): number => LEFT + ((at - 1) / Math.max(1, end - 1)) * (WIDTH - LEFT - 8);
  const y = (at: number): number => TOP + (1 - (at - low) / (high - low || 1)) * (HEIGHT - TOP - BOTTOM);
  const line = points
    .filter(([, value]) => Number.isFinite(value))
    .map(([at, value]) => `${x(at).toFixed(1)},${y(value).toFixed(1)}`);
  const last = values.at(-1);
  const ticks = [low, (low + high) / 2, high];
  return h(
    "figure",
    { class: `chart ${kind}` },
    h("figcaption", null, name, last !== undefined && h("b", null, ` ${figure(last)}`)),
    svg(
      "svg",
      {
        viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
        role: "img",
        "aria-label": `${name}: ${last === undefined ? "nothing yet" : `${figure(last)} after epoch ${reached} of ${until}`}`,
      },
      ticks.map((tick) => [
        svg("line", { class: "grid", x1: LEFT, x2: WIDTH - 8, y1: y(tick), y2: y(tick) }),
        svg("text", { class: "tick", x: LEFT - 6, y: y(tick) + 4, "text-anchor": "end" }, figure(tick)),
      ]),
      [1, end].map((at) =>
        svg(
          "text",
          { class: "tick", x: x(at), y: HEIGHT - 8, "text-anchor": at === 1 ? "start" : "end" },
          at === 1 || end === until ? `epoch ${count(at)}` : `epoch ${count(at)} of ${count(until)}`,
        ),
      ),
      line.length > 1 && svg("polyline", { class: "line", points: line.join(" ") }),
      line.length > 0 &&
        svg("circle", {
          class: "dot",
          cx: Number(line.at(-1)?.split(",")[0]),
          cy: Number(line.at(-1)?.split(",")[1]),
          r: 4,
        }),
    ),
  );
}

function spread(values: readonly number[]): [number, number] {
  if (values.length === 0) return [0, 1];
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const air = (high - low) * 0.08 || Math.abs(high) * 0.1 || 1;
  // Towards zero, zero itself is the better mark.
  const bottom = low >= 0 && low - air < high * 0.1 ? 0 : low - air;
  return [bottom, high + air];
}

/** How often each part of a range, or each category, occurs among some values. */
export function sketch(name: string, bars: readonly (readonly [string, number])[]): SVGElement {
  const most = Math.max(1, ...bars.map(([, count]) => count));
  const [width, height] = [120, 28];
  const step = width / Math.max(1, bars.length);
  const words = bars
    .filter(([, count]) => count > 0)
    .map(([label, count]) => `${label}: ${count}`)
    .join(", ");
  return svg(
    "svg",
    {
      class: "sketch",
      viewBox: `0 0 ${width} ${height}`,
      role: "img",
      "aria-label": `Sample rows by ${name}: ${words || "none"}`,
    },
    svg("line", { class: "grid", x1: 0, x2: width, y1: height - 0.5, y2: height - 0.5 }),
    bars.map(([label, count], at) => {
      const tall = count === 0 ? 0 : Math.max(2, (count / most) * (height - 2));
      return svg(
        "rect",
        {
          x: (at * step + 0.75).toFixed(2),
          y: (height - tall).toFixed(2),
          width: Math.max(1, step - 1.5).toFixed(2),
          height: tall.toFixed(2),
        },
        svg("title", null, `${label}: ${count}`),
      );
    }),
  );
}
