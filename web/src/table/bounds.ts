/**
 * Bounds with at most one or two digits that matter, around `min` and `max`: steps of the power of ten below their
 * distance, so 6.98 … 28.11 becomes 0 … 30. Step by step as the command line computes them, so that both propose the same.
 */
export function outward(min: number, max: number): { min: number; max: number } {
  const distance = max - min;
  const measure =
    distance > 0 && Number.isFinite(distance) ? distance : Math.max(Math.abs(min), Math.abs(max), 1);
  const exponent = Math.min(Math.max(Math.floor(Math.log10(measure)), -300), 300);
  const step = power(exponent);
  let [low, high] = [Math.floor(min / step), Math.ceil(max / step)];
  if (low >= high) [low, high] = [low - 1, high + 1];
  // Through the decimal form, so that 7 × 0.1 is 0.7 and not 0.7000000000000001.
  const decimal = (count: number) => Number(`${BigInt(count)}e${exponent}`);
  [low, high] = [decimal(low), decimal(high)];
  return {
    min: Number.isFinite(low) ? low : -Number.MAX_VALUE,
    max: Number.isFinite(high) ? high : Number.MAX_VALUE,
  };
}

/** A power of ten by repeated squaring, whose last digit differs from that of `**` now and then. */
function power(exponent: number): number {
  let [result, base] = [1, 10];
  for (let rest = Math.abs(exponent); rest > 0; rest >>= 1) {
    if (rest & 1) result *= base;
    if (rest > 1) base *= base;
  }
  return exponent < 0 ? 1 / result : result;
}
