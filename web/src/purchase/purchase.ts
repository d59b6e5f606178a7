/** A purchase: a quote, at most one signature, and one transaction. */

import { call, type Schema } from "../api/client.ts";
import { amount, same } from "../format.ts";
import { market } from "../market.ts";
import type { Account } from "../wallet/account.ts";
import { onChain } from "../wallet/chain.ts";
import { ofWallet, Refused } from "../wallet/refused.ts";
import { reads } from "./reading.ts";
import { Steps } from "./steps.ts";
import { type Request, send, settled } from "./transaction.ts";

export type Quote = Schema["Quote"];
type Service = Schema["Service"];

export interface Wanted {
  readonly asset: Schema["Asset"];
  readonly service: Service;
  /** What the visitor saw and agreed to, in base units. */
  readonly agreed: string;
  /** An order for what has this hash, until then; without it a datatoken is bought to hold. */
  readonly order?: { readonly requestHash: string; readonly deadline: number };
  /** Open the order with a datatoken that is held, instead of paying. */
  readonly held?: boolean;
}

export interface Bought {
  readonly hash: string;
  readonly order: string | undefined;
  readonly block: number | null;
}

/** The price is another one than the visitor agreed to. */
export class PriceMoved extends Refused {
  constructor(
    readonly quote: Quote,
    agreed: string,
  ) {
    super(
      "The price has changed",
      `You agreed to ${amount(agreed, quote.price)}, and it is ${amount(quote.price.amount, quote.price)} now. ` +
        "Nothing was spent. Look at the new price and decide again.",
    );
  }
}

export function stepsOf(wanted: Wanted): Steps {
  const pays = !wanted.held && BigInt(wanted.service.price.amount) > 0n;
  const token = BigInt(wanted.service.price.token) !== 0n;
  return new Steps({
    chain: "Check your wallet and the price",
    ...(pays && token ? { allow: "Sign: the market may take the price, once" } : {}),
    send: pays ? "Confirm the payment in your wallet" : "Confirm the order in your wallet",
    settle: "Wait until the network has it",
  });
}

export async function quote(buyer: string, wanted: Wanted): Promise<Quote> {
  const kind = wanted.held ? "open" : wanted.order ? "buy_and_open" : "buy";
  return call("post", "/v1/quotes", {
    body: { token_id: wanted.asset.token_id, service_index: wanted.service.service_index, buyer, kind },
  });
}

/** Refuses what would fail, before anything is signed. */
function possible(found: Quote, agreed: string): void {
  if (BigInt(found.price.amount) > BigInt(agreed) && found.kind !== "open") throw new PriceMoved(found, agreed);
  if (found.possible) return;
  const [first, ...others] = found.reasons.map(({ detail }) => detail);
  throw new Refused(
    TITLES[found.reasons[0]?.code ?? "reverts"],
    `${first ?? "Try again later."} Nothing was spent.`,
    others,
  );
}

const TITLES: Record<Schema["RefusalCode"], string> = {
  not_orderable: "This data set takes no orders",
  paused: "The sale is paused",
  gate_refuses: "Your account is not on the list of who may order",
  wallet_limit_reached: "You have taken what one account may take for nothing",
  total_limit_reached: "Everything that was given away is taken",
  balance_too_low: "Your balance is too low",
  no_datatoken: "You hold no datatoken of this service",
  asset_hidden: "The description of this data set is not valid",
  policy_excludes: "The publisher does not admit your account",
  provider_mismatch: "The description names another provider than the market",
  content_missing: "The data is not on this server yet",
  reverts: "The contract would refuse this",
};

/** Everything from the quote to the block; `steps` shows where it is. */
export async function purchase(account: Account, wanted: Wanted, steps: Steps, signal: AbortSignal): Promise<Bought> {
  try {
    steps.now("chain", "Your wallet may ask you to switch to the market's chain.");
    const held = await onChain(account);
    await reads();
    const found = await quote(held.address, wanted);
    possible(found, wanted.agreed);
    steps.done("chain");
    const limits = {
      max_price: found.price.amount,
      payment_token: found.price.token,
      deadline: Math.floor(Date.parse(found.valid_until) / 1000),
    };
    const permit = await allow(held, found, steps, signal);
    const order = wanted.order && {
      datatoken: found.datatoken,
      provider: found.provider,
      request_hash: wanted.order.requestHash,
      deadline: wanted.order.deadline,
    };
    const from = held.address;
    let request: Request;
    if (order && wanted.held) request = { kind: "open", from, orders: [order] };
    else if (order) request = { kind: "buy_and_open", from, order, limits, permit };
    else request = { kind: "buy", from, datatoken: found.datatoken, limits, permit };
    try {
      return await pay(held, request, found, steps, signal);
    } catch (error) {
      throw await reason(error, held, wanted);
    }
  } catch (error) {
    steps.fail();
    throw ofWallet(error, "this");
  }
}

async function pay(held: Account, request: Request, found: Quote, steps: Steps, signal: AbortSignal): Promise<Bought> {
  steps.now("send", "Your wallet shows the transaction. Confirm it there.");
  const sent = await send(held, request, BigInt(found.total.amount) > 0n ? "the payment" : "the order");
  steps.done("send");
  steps.now("settle", "Sent.");
  const status = await settled(sent, (text) => steps.now("settle", text), signal);
  steps.done("settle");
  return { hash: sent.hash, order: sent.built.expected.orders[0], block: status.block_number };
}

/** Why a purchase failed that was possible a moment ago: what has changed since, if that is the reason. */
async function reason(error: unknown, held: Account, wanted: Wanted): Promise<unknown> {
  if (error instanceof Refused && error.declined) return error;
  try {
    possible(await quote(held.address, wanted), wanted.agreed);
    return error;
  } catch (changed) {
    return changed instanceof Refused ? changed : error;
  }
}

type Permit = Schema["SignedPermit"];

/** Lets the market take exactly the price: by a signature, or with a token that knows none, by a transaction before. */
async function allow(held: Account, found: Quote, steps: Steps, signal: AbortSignal): Promise<Permit | null> {
  const { method } = found.payment;
  if (method === "permit") {
    steps.now("allow", `Your wallet shows ${amount(found.total.amount, found.total)}. The signature costs nothing.`);
    const permit = await signPermit(held, found);
    steps.done("allow");
    return permit;
  }
  if (method === "approval") {
    steps.now("allow", "This token takes no signatures, so allowing the payment is a transaction of its own.");
    const request: Request = {
      kind: "approve",
      from: held.address,
      token: found.total.token,
      value: found.total.amount,
    };
    const sent = await send(held, request, "the permission to take the price");
    await settled(sent, (text) => steps.now("allow", text), signal);
    steps.done("allow");
  } else {
    steps.drop("allow");
  }
  return null;
}

interface TypedPermit {
  primaryType: string;
  domain: { verifyingContract?: string; chainId?: unknown };
  message: { owner?: string; spender?: string; value?: unknown };
}

async function signPermit(held: Account, found: Quote): Promise<Permit> {
  const { market: spender, chain_id: chain } = await market();
  const unsigned = await call("post", "/v1/permits", {
    body: { owner: held.address, token: found.total.token, value: found.total.amount },
  });
  const { primaryType, domain, message } = unsigned.typed_data as unknown as TypedPermit;
  const asked =
    primaryType === "Permit" &&
    same(domain.verifyingContract, found.total.token) &&
    (domain.chainId === undefined || Number(domain.chainId) === chain) &&
    same(message.owner, held.address) &&
    same(message.spender, spender) &&
    BigInt(String(message.value)) === BigInt(found.total.amount);
  if (!asked) throw new Refused("The server asked for another permission than the price", "Nothing was signed.");
  const signature = await held.wallet.provider
    .request({ method: "eth_signTypedData_v4", params: [held.address, JSON.stringify(unsigned.typed_data)] })
    .catch((error: unknown) => {
      throw ofWallet(error, "the permission to take the price");
    });
  return { value: unsigned.value, deadline: unsigned.deadline, signature: String(signature) };
}
