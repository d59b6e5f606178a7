/** Wallets as they announce themselves (EIP-6963), or as the one that is there (EIP-1193). */

import { signal } from "../signal.ts";

export interface Provider {
  request(call: { method: string; params?: unknown }): Promise<unknown>;
  on?(event: string, listener: (value: never) => void): unknown;
  removeListener?(event: string, listener: (value: never) => void): unknown;
}

export interface Announced {
  readonly id: string;
  readonly name: string;
  /** A picture within a `data:` address, if it brought one. */
  readonly icon: string | undefined;
  readonly provider: Provider;
}

export const announced = signal<readonly Announced[]>([]);

/** A wallet without an announcement gets this long to make one. */
const PATIENCE = 300;

interface Detail {
  info?: { uuid?: unknown; name?: unknown; icon?: unknown; rdns?: unknown };
  provider?: Provider;
}

export function discover(): void {
  addEventListener("eip6963:announceProvider", (event) => {
    const { info, provider } = (event as CustomEvent<Detail>).detail ?? {};
    if (typeof info?.rdns !== "string" || typeof info.name !== "string" || typeof provider?.request !== "function")
      return;
    const icon = typeof info.icon === "string" && info.icon.startsWith("data:image/") ? info.icon : undefined;
    add({ id: info.rdns, name: info.name.slice(0, 60), icon, provider });
  });
  dispatchEvent(new Event("eip6963:requestProvider"));
  setTimeout(() => {
    const injected = (window as { ethereum?: Provider }).ethereum;
    if (announced().length === 0 && typeof injected?.request === "function") {
      add({ id: "injected", name: "This browser's wallet", icon: undefined, provider: injected });
    }
  }, PATIENCE);
}

function add(wallet: Announced): void {
  announced.update((all) => [...all.filter(({ id }) => id !== wallet.id), wallet]);
}
