/** The wallet and account that the visitor connected. */

import { market } from "../market.ts";
import { effect, signal, untracked } from "../signal.ts";
import { type Announced, announced, type Provider } from "./provider.ts";

export interface Account {
  readonly wallet: Announced;
  readonly address: string;
  readonly chainId: number;
}

export const account = signal<Account | undefined>(undefined);

const REMEMBERED = "atoll.wallet";

let forget: () => void = () => undefined;

/** Asks a wallet for its account: its dialog opens, unless it has been allowed before. */
export async function connect(wallet: Announced): Promise<Account> {
  const accounts = (await wallet.provider.request({ method: "eth_requestAccounts" })) as string[];
  return hold(wallet, accounts);
}

/** Takes up the wallet of the last visit without asking anything. */
export function resume(): void {
  const stop = effect(() => {
    const last = localStorage.getItem(REMEMBERED);
    const wallet = announced().find(({ id }) => id === last);
    if (!wallet) return;
    queueMicrotask(() => stop());
    void (async () => {
      const accounts = (await wallet.provider.request({ method: "eth_accounts" })) as string[];
      if (accounts.length > 0 && !untracked(account)) await hold(wallet, accounts);
    })().catch(() => undefined);
  });
}

async function hold(wallet: Announced, accounts: string[]): Promise<Account> {
  const address = accounts[0];
  if (!address) throw new Error("The wallet gave no account. Unlock it and try again.");
  const chainId = await chainOf(wallet.provider);
  forget();
  listen(wallet);
  const held = { wallet, address, chainId };
  account.set(held);
  localStorage.setItem(REMEMBERED, wallet.id);
  return held;
}

function listen({ provider }: Announced): void {
  // Wallets also tell what has not changed; nobody has to look again then.
  const change = ({ address, chainId }: Partial<Account>): void =>
    account.update((held) => {
      if (!held) return held;
      const next = { ...held, address: address ?? held.address, chainId: chainId ?? held.chainId };
      return next.address === held.address && next.chainId === held.chainId ? held : next;
    });
  const accounts = (all: string[]): void => {
    const address = all[0];
    if (address) change({ address });
    else disconnect();
  };
  const chain = (id: string): void => change({ chainId: Number(id) });
  provider.on?.("accountsChanged", accounts as never);
  provider.on?.("chainChanged", chain as never);
  forget = () => {
    provider.removeListener?.("accountsChanged", accounts as never);
    provider.removeListener?.("chainChanged", chain as never);
  };
}

/** Forgets the wallet here. Its permission for this page is the wallet's own to take back. */
export function disconnect(): void {
  forget();
  forget = () => undefined;
  account.set(undefined);
  localStorage.removeItem(REMEMBERED);
}

export async function chainOf(provider: Provider): Promise<number> {
  return Number(await provider.request({ method: "eth_chainId" }));
}

/** True if a wallet is connected and on another chain than the market. */
export async function onOtherChain(): Promise<boolean> {
  const held = account();
  return held !== undefined && held.chainId !== (await market()).chain_id;
}
