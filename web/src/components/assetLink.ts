/** A link to an asset of this market by its title, as soon as that is known. */

import { call, type Schema } from "../api/client.ts";
import { tokenOf } from "../assetId.ts";
import { h } from "../h.ts";
import { signal } from "../signal.ts";

type Asset = Schema["Asset"];

const asked = new Map<string, Promise<Asset>>();

/** The asset with this CAIP-19 id, asked for once. */
export function found(id: string): Promise<Asset> {
  const token_id = tokenOf(id);
  const asset = asked.get(token_id) ?? call("get", "/v1/assets/{token_id}", { path: { token_id } });
  asked.set(token_id, asset);
  asset.catch(() => asked.delete(token_id));
  return asset;
}

/** `until` stands there before the title is known. */
export function assetLink(id: string, until: string): HTMLElement {
  const name = signal(until);
  // One that can not be shown any more keeps its link, which says why.
  found(id).then((asset) => name.set(asset.name), () => undefined);
  return h("a", { href: `#/assets/${tokenOf(id)}` }, name);
}
