/** What the catalogue is narrowed to, as the address says it, and as the API is asked for it. */

import type { Schema } from "../../api/client.ts";

/** Texts of the address; empty where nothing is asked. */
export interface Filters {
  readonly q: string;
  readonly kind: string;
  readonly token: string;
  readonly most: string;
  readonly state: string;
  readonly keyword: string;
  readonly license: string;
  readonly service: string;
  readonly pricing: string;
}

export function filtersOf(query: URLSearchParams): Filters {
  const read = (name: string): string => query.get(name) ?? "";
  const among = (name: string, ...known: string[]): string => (known.includes(read(name)) ? read(name) : "");
  return {
    q: read("q"),
    kind: among("kind", "dataset", "algorithm"),
    token: /^0x[0-9a-fA-F]{40}$/.test(read("token")) ? read("token") : "",
    most: read("most"),
    state: among("state", "active", "ordering_disabled"),
    keyword: read("keyword"),
    license: read("license"),
    service: among("service", "compute", "download"),
    pricing: among("pricing", "free", "paid"),
  };
}

/** Query parameters of the API, without the price. */
export function asked(filters: Filters): {
  q?: string;
  kind?: Schema["AssetKind"];
  payment_token?: string;
  state?: Schema["AssetState"];
  keyword?: string;
  license?: string;
  service?: Schema["ServiceKind"];
  pricing?: Schema["Pricing"];
} {
  return {
    ...(filters.q.trim() && { q: filters.q.trim() }),
    ...(filters.kind && { kind: filters.kind as Schema["AssetKind"] }),
    ...(filters.token && { payment_token: filters.token }),
    ...(filters.state && { state: filters.state as Schema["AssetState"] }),
    ...(filters.keyword && { keyword: filters.keyword }),
    ...(filters.license && { license: filters.license }),
    ...(filters.service && { service: filters.service as Schema["ServiceKind"] }),
    ...(filters.pricing && { pricing: filters.pricing as Schema["Pricing"] }),
  };
}

/** What so many of the list's items are called. */
export function noun(count: number, { kind }: Filters): string {
  const names = [kind !== "algorithm" && "data set", kind !== "dataset" && "algorithm"].filter((name) => name !== false);
  return count === 1 ? names.join(" or ") : names.map((name) => `${name}s`).join(" and ");
}
