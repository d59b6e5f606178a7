/** What an account earned at the market, asked of the chain through the wallet, and taking it out. */

import { encodeFunctionData, hexToBigInt, parseAbi } from "viem/utils";
import type { Hex } from "viem";

import { call, type Schema } from "../../api/client.ts";
import { load } from "../../components/load.ts";
import { empty, failure, hint, success } from "../../components/notice.ts";
import { connected } from "../../components/walletButton.ts";
import { amount, ZERO } from "../../format.ts";
import { h } from "../../h.ts";
import { market } from "../../market.ts";
import { send, settled } from "../../purchase/transaction.ts";
import { onEnd, signal } from "../../signal.ts";
import { account } from "../../wallet/account.ts";
import { onChain } from "../../wallet/chain.ts";

const ABI = parseAbi(["function earningsOf(address token, address account) view returns (uint256)"]);

type Token = Pick<Schema["Money"], "token" | "decimals" | "symbol">;

interface Earned {
  token: Token;
  units: bigint;
}

const ETHER: Token = { token: ZERO, decimals: 18, symbol: "ETH" };

export function earnings(me: string): HTMLElement {
  const done = signal("");
  const tell = (): false | HTMLElement => done() !== "" && success(done());
  return h("div", null, tell, () => {
    if (!account()) return hint("Connect your wallet: it asks the chain what you earned.");
    return load(
      "Asking the chain",
      () => earned(me),
      (all, again) =>
        table(all, (taken) => {
          done.set(`${taken} are in your account.`);
          again();
        }),
    );
  });
}

/** Ether, and every token that the account's assets are sold for. */
async function earned(me: string): Promise<Earned[]> {
  const held = await onChain(await connected());
  const { market: contract } = await market();
  const tokens = new Map<string, Token>([[ZERO, ETHER]]);
  let cursor: string | undefined;
  do {
    const page = await call("get", "/v1/assets", { query: { publisher: me, limit: 100, ...(cursor && { cursor }) } });
    for (const { price } of page.items.flatMap(({ services }) => services))
      tokens.set(price.token.toLowerCase(), price);
    cursor = page.next_cursor ?? undefined;
  } while (cursor);
  return Promise.all(
    [...tokens.values()].map(async (token) => {
      const data = encodeFunctionData({ abi: ABI, functionName: "earningsOf", args: [token.token as Hex, me as Hex] });
      const answer = (await held.wallet.provider.request({
        method: "eth_call",
        params: [{ to: contract, data }, "latest"],
      })) as Hex;
      return { token, units: hexToBigInt(answer) };
    }),
  );
}

function table(all: readonly Earned[], taken: (amount: string) => void): HTMLElement {
  const busy = signal(false);
  const told = signal("");
  const wrong = signal<unknown>(undefined);
  const stop = new AbortController();
  onEnd(() => stop.abort());
  const withdraw = async ({ token, units }: Earned): Promise<void> => {
    busy.set(true);
    wrong.set(undefined);
    try {
      const held = await onChain(await connected());
      const sent = await send(held, { kind: "withdraw", from: held.address, token: token.token }, "the withdrawal");
      await settled(sent, told.set, stop.signal);
      taken(amount(units, token));
    } catch (error) {
      wrong.set(error);
    } finally {
      told.set("");
      busy.set(false);
    }
  };
  const some = all.filter(({ units }) => units > 0n);
  return h(
    "div",
    null,
    some.length === 0 &&
      empty("Nothing to take out", h("p", null, "What buyers pay appears here when what they ordered is delivered.")),
    some.map((one) =>
      h(
        "p",
        { class: "row" },
        h("b", { class: "price" }, amount(one.units, one.token)),
        h(
          "button",
          { type: "button", class: "primary", disabled: busy, onclick: () => void withdraw(one) },
          "Withdraw",
        ),
      ),
    ),
    h("p", { class: "quiet", role: "status" }, told),
    () => (wrong() === undefined ? undefined : failure(wrong())),
  );
}
