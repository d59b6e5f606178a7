import { hashTypedData } from "viem";
import { expect, test } from "vitest";

import { registration } from "../src/keys/registration.ts";

// The hash that the Rust tests know from an independent library (eth-account 0.13).
test("a registration has the hash that the market checks", () => {
  const market = { chainId: 31337, orders: `0x${"05".repeat(20)}` } as const;
  const account = "0x17c5185167401ed00cf5f5b2fc97d9bbfdb7d025";
  const message = registration(market, account, "consumer", `0x${"03".repeat(32)}`, 1_700_000_000);
  expect(message.message.deadline - message.message.issuedAt).toBeLessThanOrEqual(600);
  message.message.deadline = 1_700_000_600;
  const { account: whose, purpose, key, issuedAt, deadline } = message.message;
  const hash = hashTypedData({
    domain: { ...message.domain },
    types: { KeyRegistration: message.types.KeyRegistration },
    primaryType: "KeyRegistration",
    message: { account: whose, purpose, key, issuedAt: BigInt(issuedAt), deadline: BigInt(deadline) },
  });
  expect(hash).toBe("0xdb68cd7fd31609995d3e583b088635a0cf5d5f35a8d4001ba829f1fd1d0d73a3");
});
