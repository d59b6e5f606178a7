/** The market under test: its server, its chain, and the accounts that everybody knows. */

import type { Hex } from "viem";
import { type HDAccount, mnemonicToAccount } from "viem/accounts";

function setting(name: string): string {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set; start a market with \`cargo dev up\` and give what it prints`);
  return value.replace(/\/$/, "");
}

export const SERVER = setting("ATOLL_SERVER");
export const NODE = setting("ETH_RPC_URL");
/** The contract that keeps lists of members. */
export const MEMBER_LIST = setting("ATOLL_MEMBER_LIST");

/** The accounts of every local test chain, funded with ether. */
const MNEMONIC = "test test test test test test test test test test test junk";

export const PUBLISHER = 1;
export const PROVIDER = 2;

export function keyOf(index: number): HDAccount {
  return mnemonicToAccount(MNEMONIC, { addressIndex: index });
}

export async function rpc<T>(method: string, params: unknown[] = []): Promise<T> {
  const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method, params });
  const response = await fetch(NODE, { method: "POST", headers: { "content-type": "application/json" }, body });
  const { result, error } = (await response.json()) as {
    result?: T;
    error?: { code: number; message: string; data?: unknown };
  };
  if (error) throw Object.assign(new Error(error.message), error);
  return result as T;
}

export async function api<T>(method: string, path: string, body?: unknown): Promise<T> {
  const init: RequestInit = { method };
  if (body !== undefined) {
    init.body = JSON.stringify(body);
    init.headers = { "content-type": "application/json" };
  }
  const response = await fetch(SERVER + path, init);
  const answer = (await response.json()) as T;
  if (!response.ok) throw new Error(`${method} ${path}: ${JSON.stringify(answer)}`);
  return answer;
}

/** Signs and sends, as a wallet does; gives the transaction's hash. */
export async function transact(
  key: HDAccount,
  call: { to: Hex; data?: Hex; value?: bigint; gas?: bigint },
): Promise<Hex> {
  const [nonce, price, gas, chainId] = await Promise.all([
    rpc<Hex>("eth_getTransactionCount", [key.address, "pending"]),
    rpc<Hex>("eth_gasPrice"),
    call.gas ??
      rpc<Hex>("eth_estimateGas", [
        { from: key.address, to: call.to, data: call.data, value: `0x${(call.value ?? 0n).toString(16)}` },
      ]),
    rpc<Hex>("eth_chainId"),
  ]);
  const raw = await key.signTransaction({
    ...call,
    type: "eip1559",
    chainId: Number(chainId),
    nonce: Number(nonce),
    gas: call.gas ?? (BigInt(gas) * 12n) / 10n,
    maxFeePerGas: BigInt(price) * 2n,
    maxPriorityFeePerGas: 1n,
  });
  return rpc<Hex>("eth_sendRawTransaction", [raw]);
}

/** Has the server build a transaction, sends it, and waits until it can be seen in the market. */
export async function act(key: HDAccount, request: Record<string, unknown>): Promise<void> {
  const built = await api<{ to: Hex; data: Hex; value: string }>("POST", "/v1/transactions", {
    from: key.address,
    ...request,
  });
  const hash = await transact(key, { to: built.to, data: built.data, value: BigInt(built.value) });
  await indexed(hash);
}

export async function indexed(hash: string): Promise<void> {
  for (;;) {
    const { status, detail } = await api<{ status: string; detail: string }>("GET", `/v1/transactions/${hash}`);
    if (status === "indexed") return;
    if (status === "reverted" || status === "rejected") throw new Error(detail);
    await new Promise((done) => setTimeout(done, 100));
  }
}

export const ZERO = "0x0000000000000000000000000000000000000000";
