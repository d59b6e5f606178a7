/**
 * The wallet's half in the page: MetaMask's own provider over a stream to the test, where the wallet itself is. Announces
 * itself as wallets do (EIP-6963), unless it is an old one.
 */

import { initializeProvider } from "@metamask/providers";
// The package has no types of its own; what is used is what Node has.
import type { Duplex as NodeDuplex } from "node:stream";

// @ts-expect-error: no types
import { Duplex as Made } from "readable-stream";

interface Ends {
  /** To the test. */
  walletSend(text: string): Promise<void>;
  /** From the test. */
  walletReceive(text: string): void;
  /** Only `window.ethereum`, as before EIP-6963. */
  walletIsOld?: boolean;
}

const page = window as unknown as Ends;

const Duplex = Made as typeof NodeDuplex;

const stream = new Duplex({
  objectMode: true,
  read: () => undefined,
  write(chunk: unknown, _encoding: string, done: (error?: Error | null) => void) {
    page.walletSend(JSON.stringify(chunk)).then(() => done(), done);
  },
});
page.walletReceive = (text) => void stream.push(JSON.parse(text));

// A picture of one colour; announcements have to have one.
const icon =
  "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 8 8'%3E%3Crect width='8' height='8' fill='%23e8821e'/%3E%3C/svg%3E";

initializeProvider({
  connectionStream: stream as never,
  shouldSendMetadata: false,
  shouldSetOnWindow: true,
  ...(!page.walletIsOld && { providerInfo: { uuid: crypto.randomUUID(), name: "Test wallet", icon, rdns: "io.metamask.test" } }),
} as Parameters<typeof initializeProvider>[0]);
