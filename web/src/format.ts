/** How amounts, times and names are written for people. */

import type { Schema } from "./api/client.ts";
import { formatUnits, parseUnits } from "viem/utils";

export const ZERO = "0x0000000000000000000000000000000000000000";
export const ONE_DATATOKEN = 10n ** 18n;

type Money = Schema["Money"];

/** `5 TUSD`, `0.02 ETH`, `Free`. */
export function money(value: Money): string {
  return BigInt(value.amount) === 0n ? "Free" : amount(value.amount, value);
}

/** An amount of a token with its symbol, zero as well. */
export function amount(units: string | bigint, token: Pick<Money, "decimals" | "symbol" | "token">): string {
  return `${grouped(formatUnits(BigInt(units), token.decimals))} ${symbol(token)}`;
}

export function symbol(token: Pick<Money, "symbol" | "token">): string {
  return token.token === ZERO ? token.symbol || "ETH" : token.symbol || short(token.token);
}

/** Base units of what a person typed, or nothing if it is no amount of that token. */
export function units(text: string, decimals: number): bigint | undefined {
  const plain = text.trim().replace(/[\s,_]/g, "");
  const fraction = plain.split(".")[1] ?? "";
  return /^\d+(\.\d+)?$/.test(plain) && fraction.length <= decimals ? parseUnits(plain, decimals) : undefined;
}

function grouped(decimal: string): string {
  const [whole = "0", fraction] = decimal.split(".");
  const text = whole.replace(/\B(?=(\d{3})+(?!\d))/g, ",");
  return fraction ? `${text}.${fraction}` : text;
}

export function count(value: number | bigint): string {
  return value.toLocaleString("en");
}

/** The start and end of an address or a hash; the whole is in a title or beside a copy button. */
export function short(hex: string): string {
  return hex.length > 14 ? `${hex.slice(0, 6)}…${hex.slice(-4)}` : hex;
}

export function same(a: string | undefined | null, b: string | undefined | null): boolean {
  return !!a && !!b && a.toLowerCase() === b.toLowerCase();
}

const DAY = new Intl.DateTimeFormat("en", { dateStyle: "medium" });
const MOMENT = new Intl.DateTimeFormat("en", { dateStyle: "medium", timeStyle: "short" });

export function day(time: string): string {
  return DAY.format(new Date(time));
}

export function moment(time: string | number): string {
  return MOMENT.format(new Date(typeof time === "number" ? time * 1000 : time));
}

export function bytes(value: number): string {
  const names = ["bytes", "KiB", "MiB", "GiB", "TiB"];
  let at = 0;
  let left = value;
  while (left >= 1024 && at < names.length - 1) {
    left /= 1024;
    at += 1;
  }
  return `${at === 0 ? left : left.toFixed(left < 10 ? 1 : 0)} ${names[at]}`;
}

/** `90 seconds`, `10 minutes`, `2 hours`, `3 days`. */
export function duration(seconds: number): string {
  const steps: [number, string][] = [
    [86_400, "day"],
    [3600, "hour"],
    [60, "minute"],
    [1, "second"],
  ];
  const [size, name] = steps.find(([size]) => seconds >= size && seconds % size === 0) ?? [1, "second"];
  const value = Math.round(seconds / size);
  return `${count(value)} ${name}${value === 1 ? "" : "s"}`;
}

/** A number as a table or an axis shows it: up to four digits that mean something. */
export function figure(value: number): string {
  if (!Number.isFinite(value)) return "–";
  if (Number.isInteger(value) && Math.abs(value) < 1e6) return count(value);
  const size = Math.abs(value);
  return size !== 0 && (size < 1e-3 || size >= 1e6) ? value.toExponential(2) : String(Number(value.toPrecision(4)));
}

/** Addresses, one a line or with commas between; nothing if one of them is none. */
export function addresses(text: string): `0x${string}`[] | undefined {
  const found = text.split(/[\s,;]+/).filter((part) => part !== "");
  return found.every((part) => /^0x[0-9a-f]{40}$/i.test(part)) ? (found as `0x${string}`[]) : undefined;
}

/** True for a whole number that is at least so large. */
export function whole(value: number, least: number): boolean {
  return Number.isSafeInteger(value) && value >= least;
}

/** `a, b or c`. */
export function listed(names: readonly string[]): string {
  return names.length < 2 ? names.join("") : `${names.slice(0, -1).join(", ")} or ${names.at(-1)}`;
}
