/** Every way in which a wallet or the server says no, in words that tell what to do next. */

import { Problem, Unreachable } from "../api/problem.ts";

/** Something did not happen; `next` says what to do. */
export class Refused extends Error {
  override readonly name = "Refused";

  /** The visitor declined it himself. */
  readonly declined: boolean;

  constructor(
    readonly title: string,
    readonly next: string,
    readonly reasons: readonly string[] = [],
    declined = false,
  ) {
    super(`${title}. ${next}`);
    this.declined = declined;
  }
}

interface WalletError {
  code?: unknown;
  message?: unknown;
  data?: { originalError?: { code?: unknown; message?: unknown }; message?: unknown };
}

/** The code of a wallet's error (EIP-1193, EIP-1474), also where it is wrapped. */
export function codeOf(error: unknown): number | undefined {
  const { code, data } = (error ?? {}) as WalletError;
  const inner = data?.originalError?.code;
  return [inner, code].find((one): one is number => typeof one === "number");
}

function said(error: unknown): string {
  const { message, data } = (error ?? {}) as WalletError;
  const texts = [data?.originalError?.message, data?.message, message];
  return texts.find((text): text is string => typeof text === "string" && text !== "") ?? "";
}

/** What a wallet's refusal means. `asked` says what it was asked for, like "the payment". */
export function ofWallet(error: unknown, asked: string): Error {
  if (error instanceof Refused || error instanceof Problem || error instanceof Unreachable) return error;
  const text = said(error);
  switch (codeOf(error)) {
    case 4001:
      return new Refused(`You declined ${asked}`, "Nothing was spent. Start again whenever you like.", [], true);
    case 4100:
      return new Refused(
        "Your wallet does not let this page use that account",
        "Connect the account to this page in your wallet, then try again.",
      );
    case 4200:
    case -32601:
      return new Refused(`Your wallet can not do ${asked}`, "Update it or use another one, such as MetaMask.");
    case 4900:
    case 4901:
      return new Refused("Your wallet has no connection to the chain", "Check its network settings, then try again.");
    case -32002:
      return new Refused("Your wallet is still waiting for an answer", "Open it, answer what it asks, then try again.");
    default:
  }
  if (/insufficient funds/i.test(text)) {
    return new Refused(
      "There is too little ether for the network's fee",
      "Every transaction costs a little ether beside the price. Send some to your account, then try again. Nothing was spent.",
    );
  }
  if (/nonce too (low|high)/i.test(text)) {
    return new Refused(
      "Your wallet has lost count of its transactions",
      "Reset the account's activity in your wallet's settings, then try again. Nothing was spent.",
    );
  }
  if (error instanceof Error && codeOf(error) === undefined) return error;
  return new Refused(`Your wallet could not do ${asked}`, text ? `It says: ${text}` : "It gave no reason. Try again.");
}

export interface Explained {
  title: string;
  next: string;
  reasons: readonly string[];
  /** To find the request in the server's log. */
  request: string | undefined;
}

/** Any error, for the person who sees it. */
export function explain(error: unknown): Explained {
  if (error instanceof Refused)
    return { title: error.title, next: error.next, reasons: error.reasons, request: undefined };
  if (error instanceof Problem) {
    const later = error.retryAfter ? ` Try again in ${error.retryAfter} seconds.` : "";
    return {
      title: error.title,
      next: error.message + later,
      reasons: (error.details.errors ?? []).map(({ pointer, detail }) => `${pointer || "/"}: ${detail}`),
      request: error.status >= 500 ? (error.details.request_id ?? undefined) : undefined,
    };
  }
  if (error instanceof Unreachable)
    return { title: "No connection", next: error.message, reasons: [], request: undefined };
  const text = error instanceof Error ? error.message : String(error);
  return {
    title: "This did not work",
    next: text || "Load the page again and try once more.",
    reasons: [],
    request: undefined,
  };
}
