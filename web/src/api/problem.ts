/** What the server says when something went wrong (RFC 9457). */

import type { components } from "./schema.d.ts";

type Details = components["schemas"]["Problem"];

export class Problem extends Error {
  override readonly name = "Problem";

  constructor(
    readonly details: Partial<Details>,
    readonly status: number,
    readonly retryAfter?: number,
  ) {
    super(details.detail ?? `The server answered ${status} without saying why. Try again in a minute.`);
  }

  /** The last part of `type`; stable. */
  get kind(): string {
    return this.details.type?.split("/").pop() ?? "";
  }

  get title(): string {
    return this.details.title ?? "The server could not do this";
  }

  static async of(response: Response): Promise<Problem> {
    const wait = Number(response.headers.get("retry-after"));
    const json = (response.headers.get("content-type") ?? "").includes("json");
    const details = json ? ((await response.json().catch(() => ({}))) as Partial<Details>) : {};
    return new Problem(details, response.status, wait > 0 ? wait : undefined);
  }
}

/** The server was not reached at all. */
export class Unreachable extends Error {
  override readonly name = "Unreachable";

  constructor() {
    super("The market's server does not answer. Check your connection and try again.");
  }
}
