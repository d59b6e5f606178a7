/** The market's chain in the visitor's wallet. */

import { chainName, market, network } from "../market.ts";
import { account, type Account, chainOf } from "./account.ts";
import { codeOf, Refused } from "./refused.ts";

/** The wallet on the market's chain; it is asked to switch, and to add the chain first if it does not know it. */
export async function onChain(held: Account): Promise<Account> {
  const { chain_id: id } = await market();
  const { provider } = held.wallet;
  if ((await chainOf(provider)) === id) return settled(held, id);
  const name = await chainName();
  const chainId = `0x${id.toString(16)}`;
  try {
    await provider.request({ method: "wallet_switchEthereumChain", params: [{ chainId }] });
  } catch (error) {
    // 4902: unknown chain (EIP-3326); some wallets wrap it.
    if (codeOf(error) !== 4902) throw wrongChain(error, name);
    await addChain(held, chainId, name);
  }
  if ((await chainOf(provider)) !== id) throw wrongChain(undefined, name);
  return settled(held, id);
}

async function addChain(held: Account, chainId: string, name: string): Promise<void> {
  const { rpc_url: rpc } = await network();
  if (!rpc) {
    throw new Refused(
      "Your wallet does not know this market's chain",
      `Add the chain with the id ${Number(chainId)} in your wallet's settings, then try again. Nothing was spent.`,
    );
  }
  try {
    await held.wallet.provider.request({
      method: "wallet_addEthereumChain",
      params: [
        { chainId, chainName: name, rpcUrls: [rpc], nativeCurrency: { name: "Ether", symbol: "ETH", decimals: 18 } },
      ],
    });
    // Not every wallet switches to a chain that it has just added.
    await held.wallet.provider.request({ method: "wallet_switchEthereumChain", params: [{ chainId }] });
  } catch (error) {
    throw wrongChain(error, name);
  }
}

function settled(held: Account, chainId: number): Account {
  const settled = { ...held, chainId };
  account.update((now) => (now && now.chainId !== chainId ? { ...now, chainId } : now));
  return settled;
}

function wrongChain(cause: unknown, name: string): Refused {
  const declined = codeOf(cause) === 4001;
  return new Refused(
    declined ? "You stayed on the other chain" : "Your wallet is on another chain",
    `This market is on ${name}. Choose ${name} in your wallet, or try again and agree to switch. Nothing was spent.`,
  );
}
