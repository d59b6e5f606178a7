/**
 * The one policy of trusted types that the page has (https://w3c.github.io/trusted-types/): where a worker's script may come
 * from. Everything else that browsers would run as script from a text stays forbidden.
 */

interface Policy {
  createScriptURL(url: string): string;
}
interface Factory {
  createPolicy(name: string, rules: Policy): Policy;
}

let policy: Policy | undefined;

/** The address of a script of this page, in the form in which browsers with trusted types ask for it. */
export function ownScript(url: string): string {
  const factory = (globalThis as { trustedTypes?: Factory }).trustedTypes;
  if (!factory) return own(url);
  policy ??= factory.createPolicy("atoll-workers", { createScriptURL: own });
  return policy.createScriptURL(url);
}

function own(url: string): string {
  const { origin, pathname } = new URL(url, location.href);
  if (origin !== location.origin || !pathname.startsWith("/static/")) throw new TypeError(`${url} is no script of this page`);
  return pathname;
}
