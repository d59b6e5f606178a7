/** Requests to the market's server, typed by its own description. */

import { Problem, Unreachable } from "./problem.ts";
import type { components, paths } from "./schema.d.ts";

export type Schema = components["schemas"];

type Method = "get" | "post" | "put" | "delete";
type Operation<P extends keyof paths, M extends Method> = Exclude<paths[P][M], undefined>;
type At<O, K extends string> = O extends { parameters: { [N in K]?: infer V } } ? Exclude<V, undefined> : never;
type Json<T> = T extends { content: { "application/json": infer B } } ? B : never;
type Body<O> = O extends { requestBody: infer R } ? Json<R> : never;
type Answer<O> = O extends { responses: infer R }
  ? Json<{ [S in keyof R & (200 | 201)]: R[S] }[keyof R & (200 | 201)]>
  : never;

interface Options<O> {
  path?: At<O, "path">;
  query?: At<O, "query">;
  body?: Body<O>;
  /** `Idempotency-Key`: the same request sent again has no second effect. */
  key?: string;
  signal?: AbortSignal | undefined;
}

/** A page on plain HTTP (a market on one's own machine) can have no secure cookie and keeps its token in memory. */
let bearer: string | undefined;
let expired: () => void = () => undefined;

export function useBearer(token: string | undefined): void {
  bearer = token;
}

/** Called when the server says that the session has ended. */
export function onExpired(work: () => void): void {
  expired = work;
}

export function address(
  template: string,
  path: Record<string, unknown> = {},
  query: Record<string, unknown> = {},
): string {
  const filled = template.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(String(path[name])));
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== null && value !== "") search.set(name, String(value));
  }
  const text = search.toString();
  return text ? `${filled}?${text}` : filled;
}

/** One request, with the session if there is one; a refusal is thrown as a {@link Problem}. */
export async function request(url: string, init: RequestInit = {}): Promise<Response> {
  const headers = new Headers(init.headers);
  if (bearer) headers.set("authorization", `Bearer ${bearer}`);
  let response: Response;
  try {
    response = await fetch(url, { ...init, headers, credentials: "same-origin" });
  } catch (error) {
    if (init.signal?.aborted) throw error;
    throw new Unreachable();
  }
  if (response.ok) return response;
  const problem = await Problem.of(response);
  if (problem.kind === "unauthenticated") expired();
  throw problem;
}

export async function call<P extends keyof paths, M extends Method>(
  method: M,
  template: P,
  options: Options<Operation<P, M>> = {},
): Promise<Answer<Operation<P, M>>> {
  const headers: Record<string, string> = { accept: "application/json" };
  if (options.body !== undefined) headers["content-type"] = "application/json";
  if (options.key !== undefined) headers["idempotency-key"] = options.key;
  const url = address(template, options.path as Record<string, unknown>, options.query as Record<string, unknown>);
  const init: RequestInit = { method: method.toUpperCase(), headers };
  if (options.body !== undefined) init.body = JSON.stringify(options.body);
  if (options.signal) init.signal = options.signal;
  const response = await request(url, init);
  if (response.status === 204) return undefined as Answer<Operation<P, M>>;
  return (await response.json()) as Answer<Operation<P, M>>;
}
