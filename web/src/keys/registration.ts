/** Telling the market which key others seal to: an EIP-712 message that the account's wallet signs. */

import type { Hex } from "../envelope/bytes.ts";
import type { Purpose } from "./backup.ts";

/** Seconds for which a signed registration can be handed in; the server takes no more than ten minutes. */
const LIFETIME = 300;

/** What is signed, as the API takes it. */
export interface KeyRegistration {
  account: Hex;
  purpose: Purpose;
  key: Hex;
  /** Unix seconds. */
  issuedAt: number;
  deadline: number;
}

/** What `eth_signTypedData_v4` takes. */
export interface RegistrationToSign {
  types: Record<"EIP712Domain" | "KeyRegistration", { name: string; type: string }[]>;
  primaryType: "KeyRegistration";
  domain: { name: string; version: string; chainId: number; verifyingContract: Hex };
  message: KeyRegistration;
}

/** The message to sign, at this time in Unix seconds. */
export function registration(
  market: { chainId: number; orders: Hex },
  account: Hex,
  purpose: Purpose,
  key: Hex,
  now: number,
): RegistrationToSign {
  const field = (name: string, type: string) => ({ name, type });
  return {
    types: {
      EIP712Domain: [
        field("name", "string"),
        field("version", "string"),
        field("chainId", "uint256"),
        field("verifyingContract", "address"),
      ],
      KeyRegistration: [
        field("account", "address"),
        field("purpose", "string"),
        field("key", "bytes32"),
        field("issuedAt", "uint64"),
        field("deadline", "uint64"),
      ],
    },
    primaryType: "KeyRegistration",
    domain: { name: "Atoll", version: "1", chainId: market.chainId, verifyingContract: market.orders },
    message: { account, purpose, key, issuedAt: now, deadline: now + LIFETIME },
  };
}
