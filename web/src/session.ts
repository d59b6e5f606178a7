/** Sign-in with Ethereum (EIP-4361): a signature that costs nothing and shows the server whose orders and jobs to show. */

import { getAddress, stringToHex } from "viem/utils";

import { call, onExpired, request, useBearer } from "./api/client.ts";
import { same } from "./format.ts";
import { market } from "./market.ts";
import { effect, signal } from "./signal.ts";
import { type Account, account } from "./wallet/account.ts";
import { ofWallet } from "./wallet/refused.ts";

/** The address that is signed in. */
export const session = signal<string | undefined>(undefined);

/** A secure cookie needs TLS; on one's own machine the token is kept in memory, and gone when the page is loaded anew. */
const COOKIES = location.protocol === "https:";
const REMEMBERED = "atoll.session";

onExpired(leave);

/** Takes up a cookie's session, and ends what belongs to another account than the wallet's. */
export function watch(): void {
  if (COOKIES) session.set(sessionStorage.getItem(REMEMBERED) ?? undefined);
  effect(() => {
    const [held, mine] = [account(), session()];
    if (held && mine && !same(held.address, mine)) void signOut();
  });
}

function leave(): void {
  useBearer(undefined);
  sessionStorage.removeItem(REMEMBERED);
  session.set(undefined);
}

export async function signOut(): Promise<void> {
  await call("delete", "/v1/sessions/current").catch(() => undefined);
  leave();
}

/** Signs in unless the account is. */
export async function signIn(held: Account): Promise<void> {
  if (same(session(), held.address)) return;
  const { chain_id: chain } = await market();
  const nonce = await request("/v1/nonces", { method: "POST" });
  // By the server's clock: a computer that is some minutes off can sign in all the same.
  const now = Date.parse(nonce.headers.get("date") ?? "") || Date.now();
  const message = statement({
    address: getAddress(held.address),
    chain,
    nonce: ((await nonce.json()) as { nonce: string }).nonce,
    issued: new Date(now),
  });
  const signature = await held.wallet.provider
    .request({ method: "personal_sign", params: [stringToHex(message), held.address] })
    .catch((error: unknown) => {
      throw ofWallet(error, "to sign in");
    });
  const opened = await call("post", "/v1/sessions", {
    body: { message, signature: String(signature), cookie: COOKIES },
  });
  if (opened.token) useBearer(opened.token);
  if (COOKIES) sessionStorage.setItem(REMEMBERED, opened.address);
  session.set(opened.address);
}

interface Statement {
  address: string;
  chain: number;
  nonce: string;
  issued: Date;
}

function statement({ address, chain, nonce, issued }: Statement): string {
  const time = (date: Date): string => date.toISOString().replace(/\.\d+Z$/, "Z");
  return [
    `${location.host} wants you to sign in with your Ethereum account:`,
    address,
    "",
    "Sign in to see your orders, jobs and results. This costs nothing and moves nothing.",
    "",
    `URI: ${location.origin}`,
    "Version: 1",
    `Chain ID: ${chain}`,
    `Nonce: ${nonce}`,
    `Issued At: ${time(issued)}`,
    `Expiration Time: ${time(new Date(issued.getTime() + 5 * 60_000))}`,
  ].join("\n");
}
