/** A job for an order that is paid: one signature, and the server queues it. */

import { call, type Schema } from "../api/client.ts";
import { canonicalHash } from "../canonical.ts";
import { same } from "../format.ts";
import { market } from "../market.ts";
import { signIn } from "../session.ts";
import type { Account } from "../wallet/account.ts";
import { onChain } from "../wallet/chain.ts";
import { ofWallet, Refused } from "../wallet/refused.ts";
import { resultKey } from "./resultKey.ts";
import type { Declared } from "./statistics.ts";
import { typedJobRequest } from "./typed.ts";

type Job = Schema["Job"];
type Order = Schema["Order"];

/** Signs in, signs the request and hands it in. `tell` says what the wallet is asked for. */
export async function submit(
  account: Account,
  order: string,
  spec: Declared,
  tell: (text: string) => void,
): Promise<Job> {
  const held = await onChain(account);
  tell("Your wallet asks you to sign in. This costs nothing.");
  await signIn(held);
  const paid = await call("get", "/v1/orders/{id}", { path: { id: order } });
  const specHash = canonicalHash(spec);
  usable(paid, specHash, held.address);
  const key = await resultKey(held.address);
  const request = { orderId: paid.id, specHash, resultKey: key.id, deadline: paid.terms.deadline };
  tell("Your wallet shows the job: which order pays, what is computed, and the key that the result is sealed to.");
  const signature = await held.wallet.provider
    .request({
      method: "eth_signTypedData_v4",
      params: [held.address, JSON.stringify(typedJobRequest(await market(), request))],
    })
    .catch((error: unknown) => {
      throw declined(error);
    });
  tell("Handing the job in …");
  // The same order pays for one job: sent twice, it is the same job.
  return call("post", "/v1/jobs", {
    body: { request, signature: String(signature), spec },
    key: `job-${paid.id}-${request.resultKey.slice(2, 18)}`,
  });
}

function declined(error: unknown): Error {
  const told = ofWallet(error, "to sign the job");
  if (!(told instanceof Refused) || !told.declined) return told;
  return new Refused(
    told.title,
    "Your order is paid and waits. Sign whenever you like, here or under My orders; if you never do, your money comes back after the order's deadline.",
  );
}

function usable(order: Order, specHash: string, address: string): void {
  if (!same(order.terms.consumer, address))
    throw new Refused("This order is another account's", "Choose that account in your wallet.");
  if (order.status !== "open") throw new Refused("This order has ended", "Start again; nothing of it is lost.");
  if (!same(order.terms.request_hash, specHash))
    throw new Refused("The order was opened for another job", "Hand in the job that you described when you paid.");
  if (order.terms.deadline * 1000 <= Date.now())
    throw new Refused("The order's deadline has passed", "Take your money back under My orders, and start again.");
}
