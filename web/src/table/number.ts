/** A finite number, as the command line and the worker read one: spaces around it do not matter. */
export function number(cell: string): number | undefined {
  const text = cell.replace(/^[\t\n\f\r ]+|[\t\n\f\r ]+$/g, "");
  if (!/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text)) return undefined;
  const value = Number(text);
  return Number.isFinite(value) ? value : undefined;
}

/** True for a cell that holds nothing but white space. */
export function isMissing(cell: string): boolean {
  return /^\p{White_Space}*$/u.test(cell);
}
