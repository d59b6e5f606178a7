/** Whether the network still has a transaction that was sent: wallets replace them, and nodes forget them. */

import { hexToNumber } from "viem/utils";

import { call, type Schema } from "../api/client.ts";
import { same } from "../format.ts";
import type { Account } from "../wallet/account.ts";
import { Refused } from "../wallet/refused.ts";

type State = Schema["TransactionStatus"]["status"];

/** Milliseconds after which a transaction that no node knows is given up. */
const FORGOTTEN = 180_000;
/** Looks in a row that have to agree: nodes behind one address can be some blocks apart. */
const AGREE = 2;

/** It will not come any more, or nobody can tell. */
export class Gone extends Refused {}

export class Whereabouts {
  #nonce: Promise<number | undefined>;
  #unknownSince: number | undefined;
  #replaced = 0;

  /** To be made as soon as the transaction is sent: only while a node has it can its number be learnt. */
  constructor(
    private readonly hash: string,
    private readonly held: Account,
  ) {
    this.#nonce = this.#itsNonce();
  }

  /** How far it has come. Throws `Gone` once there is nothing left to wait for. */
  async look(): Promise<State> {
    const { status } = await call("get", "/v1/transactions/{hash}", { path: { hash: this.hash } });
    if (status !== "unknown") {
      if ((await this.#nonce) === undefined) this.#nonce = this.#itsNonce();
      [this.#unknownSince, this.#replaced] = [undefined, 0];
      return status;
    }
    this.#unknownSince ??= Date.now();
    this.#replaced = (await this.#isReplaced()) ? this.#replaced + 1 : 0;
    if (this.#replaced >= AGREE) {
      throw new Gone(
        "Another transaction took its place",
        "Your account has sent another transaction with the same number. If you cancelled this one in your wallet, nothing was " +
          "spent on it: try again whenever you like. If you sped it up there, it goes on under another hash: look into your " +
          "wallet's activity and My orders first.",
      );
    }
    if (Date.now() - this.#unknownSince >= FORGOTTEN) {
      throw new Gone(
        "The network does not know the transaction",
        `For some minutes nobody has seen ${this.hash}: it was dropped, or your wallet has not sent it. Look for it in your ` +
          "wallet's activity. If it waits there, speed it up or cancel it; if it is not there, try again.",
      );
    }
    return status;
  }

  /** The number that the wallet gave it, as long as the wallet's node knows it. */
  async #itsNonce(): Promise<number | undefined> {
    const found = await this.#ask("eth_getTransactionByHash", [this.hash]);
    const { nonce, from } = (found ?? {}) as { nonce?: `0x${string}`; from?: string };
    return nonce !== undefined && same(from, this.held.address) ? hexToNumber(nonce) : undefined;
  }

  /** True if the account is past its number, and it is in no block. */
  async #isReplaced(): Promise<boolean> {
    const nonce = await this.#nonce;
    if (nonce === undefined) return false;
    const next = await this.#ask("eth_getTransactionCount", [this.held.address, "latest"]);
    if (typeof next !== "string" || hexToNumber(next as `0x${string}`) <= nonce) return false;
    return (await this.#ask("eth_getTransactionReceipt", [this.hash])) === null;
  }

  /** A wallet that does not answer such questions leaves them open. */
  #ask(method: string, params: unknown[]): Promise<unknown> {
    return this.held.wallet.provider.request({ method, params }).catch(() => undefined);
  }
}
