/** A transaction from the server's description of it to its end on the chain. */

import { numberToHex } from "viem/utils";

import { address, call, type Schema } from "../api/client.ts";
import { follow } from "../api/stream.ts";
import { same } from "../format.ts";
import { market } from "../market.ts";
import type { Account } from "../wallet/account.ts";
import { ofWallet, Refused } from "../wallet/refused.ts";
import { stillReads } from "./reading.ts";
import { Whereabouts } from "./whereabouts.ts";

export type Unsigned = Schema["UnsignedTransaction"];
export type Status = Schema["TransactionStatus"];
export type Request = Schema["TransactionRequest"];

const FINAL: readonly Status["status"][] = ["indexed", "rejected", "reverted"];

/** A transaction that is on its way. */
export interface Sent {
  readonly hash: string;
  readonly built: Unsigned;
  readonly whereabouts: Whereabouts;
}

/** Builds, has it signed and sends it. The wallet chooses nonce and fees. */
export async function send(held: Account, request: Request, asked: string): Promise<Sent> {
  const built = await call("post", "/v1/transactions", { body: request });
  const { chain_id: chain } = await market();
  if (built.chain_id !== chain || !same(built.from, held.address)) {
    throw new Refused(
      "The server built another transaction than was asked for",
      "Nothing was sent. Load the page again.",
    );
  }
  const transaction = {
    from: held.address,
    to: built.to,
    data: built.data,
    value: numberToHex(BigInt(built.value)),
    // What is not used is not charged.
    gas: numberToHex(Math.ceil(built.gas_estimate * 1.2)),
  };
  const hash = await held.wallet.provider
    .request({ method: "eth_sendTransaction", params: [transaction] })
    .catch((error: unknown) => {
      throw ofWallet(error, asked);
    });
  return { hash: String(hash), built, whereabouts: new Whereabouts(String(hash), held) };
}

/** What a person waits for, by how far it has come. */
const WAITING: Record<string, string> = {
  unknown: "Sent. Waiting for the network to see it …",
  pending: "The network has it. It goes into one of the next blocks …",
  mined: "It is in a block. The market is reading it …",
};

/** Milliseconds between two looks at whether the market still reads the chain, and the network still has the transaction. */
const LOOK_EVERY = 3_000;
/** Milliseconds after which it is told that a transaction waits for long. */
const LONG = 180_000;

/** Follows a sent transaction until everything that it did can be seen in the market, or nothing of it will. */
export async function settled({ hash, whereabouts }: Sent, tell: (text: string) => void, signal: AbortSignal): Promise<Status> {
  const url = address("/v1/transactions/{hash}/events", { hash });
  const stop = new AbortController();
  let [last, halted] = [undefined as Status | undefined, undefined as unknown];
  const broken = (is: boolean): void => {
    if (is) tell("The connection to the market broke. Trying again; your transaction goes on by itself …");
  };
  const began = Date.now();
  let looking = false;
  const look = async (): Promise<void> => {
    if (looking) return;
    looking = true;
    try {
      await stillReads(hash);
      const waits = (await whereabouts.look()) === "pending";
      if (waits && Date.now() - began >= LONG) tell("It waits for long. Its fee may be too low: your wallet can speed it up, or cancel it …");
    } catch (error) {
      // What could not be asked is asked again.
      if (!(error instanceof Refused)) return;
      halted = error;
      stop.abort();
    } finally {
      looking = false;
    }
  };
  void look();
  const watch = setInterval(() => void look(), LOOK_EVERY);
  try {
    for await (const status of follow<Status>(url, AbortSignal.any([signal, stop.signal]), broken)) {
      last = status;
      if (FINAL.includes(status.status)) break;
      tell(WAITING[status.status] ?? status.detail);
    }
  } finally {
    clearInterval(watch);
  }
  if (signal.aborted) throw new Refused("You left before it was settled", "Your transaction goes on. See My orders.");
  if (last?.status === "indexed") return last;
  if (halted) throw halted;
  if (last?.status === "reverted") throw new Refused("The contract refused the transaction", last.detail);
  if (last?.status === "rejected") throw new Refused("The market can not show what was published", last.detail);
  throw new Refused(
    "The transaction has not been seen",
    `Look for ${hash} in your wallet's activity. If it is still waiting there, nothing is lost: it may be settled later.`,
  );
}
