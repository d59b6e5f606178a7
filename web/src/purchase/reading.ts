/** Whether the market still reads the chain. If the chain replaced blocks that it had read, it stops until its operator acts. */

import { request } from "../api/client.ts";
import { Problem } from "../api/problem.ts";
import { Refused } from "../wallet/refused.ts";

async function stopped(): Promise<Problem | undefined> {
  try {
    await request("/readyz");
    return undefined;
  } catch (error) {
    if (error instanceof Problem && error.kind === "not-ready") return error;
    throw error;
  }
}

/** Refuses to begin something that would be paid for and not be seen. */
export async function reads(): Promise<void> {
  const why = await stopped();
  if (why) {
    throw new Refused(
      "The market can not sell at the moment",
      "It has stopped reading the chain. Nothing was spent. Come back when its operator has looked after it.",
      [why.message],
    );
  }
}

/** Ends the wait for what is in a block and will not be read from it. */
export async function stillReads(hash: string): Promise<void> {
  const why = await stopped();
  if (why) {
    throw new Refused(
      "The market has stopped reading the chain",
      `Do not pay again: your transaction ${hash} is on its way on the chain, and what it pays for is not lost. ` +
        "Come back to My orders when the market's operator has looked after it.",
      [why.message],
    );
  }
}
