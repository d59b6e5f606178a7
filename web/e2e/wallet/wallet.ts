/**
 * A wallet for tests: MetaMask's provider in the page, MetaMask's signing library here. It writes down every text that it
 * is asked to sign, and declines what it is told to.
 */

import { personalSign, signTypedData, SignTypedDataVersion } from "@metamask/eth-sig-util";
import { build } from "esbuild";
import type { BrowserContext, Page } from "playwright-core";
import { bytesToHex, type Hex, hexToString } from "viem";
import type { HDAccount } from "viem/accounts";

import { rpc, transact } from "../market/chain.ts";

interface Call {
  id: number;
  method: string;
  params?: unknown[] | Record<string, unknown>;
}

/** What a person saw in the wallet's dialog. */
export interface Seen {
  readonly method: string;
  /** The text, the typed data or the transaction. */
  readonly shown: Record<string, unknown>;
}

export class Wallet {
  /** Everything that needed the person's consent, in order. */
  readonly seen: Seen[] = [];
  /** Methods that the person declines. */
  readonly declines = new Set<string>();
  /** Chains that the wallet knows. */
  readonly chains = new Set<string>();
  /** Transactions that the page has looked up. */
  readonly lookedUp = new Set<string>();
  /** Called before a transaction is sent, while its dialog is open. */
  beforeSend: (() => Promise<void>) | undefined;
  chainId = "0x1";
  #allowed = false;
  #pages = new Set<Page>();

  constructor(private readonly key: HDAccount) {}

  get address(): Hex {
    return this.key.address.toLowerCase() as Hex;
  }

  /** Puts the wallet into every page of a browser's context, on the market's chain. An old one does not announce itself. */
  async install(context: BrowserContext, old = false): Promise<this> {
    this.chainId = await rpc<Hex>("eth_chainId");
    this.chains.add(this.chainId);
    await context.exposeBinding("walletSend", ({ page }, text: string) => this.#hear(page, text));
    if (old) await context.addInitScript(() => Object.assign(window, { walletIsOld: true }));
    await context.addInitScript({ content: await inpage() });
    return this;
  }

  /** The person's hand in the wallet: another chain. */
  async useChain(chainId: string): Promise<void> {
    this.chainId = chainId;
    await this.#tell("metamask_chainChanged", { chainId, networkVersion: String(Number(chainId)), isConnected: true });
  }

  shown(method: string): Record<string, unknown>[] {
    return this.seen.filter((one) => one.method === method).map(({ shown }) => shown);
  }

  /** The typed data that it was asked to sign, of a type. */
  typed(primaryType: string): { domain: Record<string, unknown>; message: Record<string, unknown> }[] {
    return this.shown("eth_signTypedData_v4").filter((one) => one["primaryType"] === primaryType) as never;
  }

  async #hear(page: Page, text: string): Promise<void> {
    const call = JSON.parse(text) as Call;
    this.#pages.add(page);
    let answer: object;
    try {
      answer = { id: call.id, jsonrpc: "2.0", result: (await this.#answer(call)) ?? null };
    } catch (error) {
      const { code = -32603, message, data } = error as { code?: number; message: string; data?: unknown };
      answer = { id: call.id, jsonrpc: "2.0", error: { code, message, ...(data !== undefined && { data }) } };
    }
    if (call.id !== undefined) await this.#send(page, answer);
  }

  async #tell(method: string, params: unknown): Promise<void> {
    for (const page of this.#pages) if (!page.isClosed()) await this.#send(page, { jsonrpc: "2.0", method, params });
  }

  async #send(page: Page, data: object): Promise<void> {
    await page.evaluate(
      (text) => (window as unknown as { walletReceive(text: string): void }).walletReceive(text),
      JSON.stringify(data),
    );
  }

  /** Shows something to the person, who may decline. */
  #ask(method: string, shown: Record<string, unknown>): void {
    this.seen.push({ method, shown });
    if (this.declines.has(method)) throw refusal(4001, "User rejected the request.");
  }

  async #answer({ method, params = [] }: Call): Promise<unknown> {
    const list = params as unknown[];
    const accounts = this.#allowed ? [this.address] : [];
    switch (method) {
      case "metamask_getProviderState":
        return {
          accounts,
          chainId: this.chainId,
          isUnlocked: true,
          networkVersion: String(Number(this.chainId)),
          isConnected: true,
        };
      case "eth_requestAccounts":
        this.#ask(method, {});
        this.#allowed = true;
        await this.#tell("metamask_accountsChanged", [this.address]);
        return [this.address];
      case "eth_accounts":
        return accounts;
      case "eth_chainId":
        return this.chainId;
      case "personal_sign": {
        const data = list[0] as Hex;
        this.#ask(method, { text: hexToString(data) });
        return personalSign({ privateKey: this.#secret(), data });
      }
      case "eth_signTypedData_v4": {
        const data = JSON.parse(list[1] as string) as { domain: { chainId?: unknown } };
        // As MetaMask does: a signature for another chain is not even offered.
        if (data.domain.chainId !== undefined && Number(data.domain.chainId) !== Number(this.chainId)) {
          throw refusal(-32603, "Provided chainId must match the active chainId");
        }
        this.#ask(method, data as never);
        return signTypedData({ privateKey: this.#secret(), data: data as never, version: SignTypedDataVersion.V4 });
      }
      case "eth_sendTransaction": {
        const { to, data, value, gas } = list[0] as { to: Hex; data: Hex; value: Hex; gas: Hex };
        this.#ask(method, list[0] as Record<string, unknown>);
        await this.beforeSend?.();
        return transact(this.key, { to, data, value: BigInt(value), gas: BigInt(gas) });
      }
      case "wallet_switchEthereumChain": {
        const { chainId } = list[0] as { chainId: string };
        if (!this.chains.has(chainId)) throw refusal(4902, `Unrecognized chain ID "${chainId}".`);
        this.#ask(method, { chainId });
        await this.useChain(chainId);
        return null;
      }
      case "wallet_addEthereumChain":
        this.#ask(method, list[0] as Record<string, unknown>);
        this.chains.add((list[0] as { chainId: string }).chainId);
        return null;
      case "wallet_watchAsset":
        this.#ask(method, params as Record<string, unknown>);
        return true;
      default:
        if (!/^eth_(call|get|block|estimate)/.test(method)) throw refusal(-32601, `${method} is not available`);
        try {
          return await rpc(method, list);
        } finally {
          if (method === "eth_getTransactionByHash") this.lookedUp.add(String(list[0]));
        }
    }
  }

  #secret(): Buffer {
    const { privateKey } = this.key.getHdKey();
    if (!privateKey) throw new Error("no key");
    return Buffer.from(bytesToHex(privateKey).slice(2), "hex");
  }
}

function refusal(code: number, message: string): Error {
  return Object.assign(new Error(message), { code });
}

let bundled: Promise<string> | undefined;

/** The page's half as one script. */
function inpage(): Promise<string> {
  bundled ??= build({
    entryPoints: [new URL("inpage.ts", import.meta.url).pathname],
    bundle: true,
    write: false,
    format: "iife",
    platform: "browser",
    target: "es2022",
    define: { global: "globalThis" },
    banner: {
      js: "var process = { env: {}, version: '', nextTick: (work, ...rest) => queueMicrotask(() => work(...rest)) };",
    },
  }).then(({ outputFiles }) => outputFiles[0]?.text ?? "");
  return bundled;
}
