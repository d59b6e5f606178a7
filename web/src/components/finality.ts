/** Whether what was done can still be taken back by the chain: said until it can not. */

import { call } from "../api/client.ts";
import { h } from "../h.ts";
import { onEnd, signal } from "../signal.ts";

/** Blocks become final by the dozen, minutes apart. */
const LOOK_EVERY = 5_000;

export function finality(hash: string): HTMLElement {
  const final = signal(false);
  const stop = new AbortController();
  const watch = async (): Promise<void> => {
    while (!stop.signal.aborted) {
      const status = await call("get", "/v1/transactions/{hash}", { path: { hash }, signal: stop.signal }).catch(
        // The next look may be answered.
        () => undefined,
      );
      if (status?.finalized) return final.set(true);
      await new Promise((done) => setTimeout(done, LOOK_EVERY));
    }
  };
  onEnd(() => stop.abort());
  void watch();
  return h("p", { class: "quiet", role: "status" }, () =>
    final()
      ? "It is final: the chain does not take it back any more."
      : "It can be seen now. The chain makes it final in some minutes; until then a reorganisation could take it back.",
  );
}
