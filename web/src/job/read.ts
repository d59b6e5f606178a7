/**
 * Reads a spec out of JSON: what has another form, or a member that the format does not know, is refused with its place, as
 * `protocol::job::Declared::parse` does. What numbers and names may be is checked after that (`check.ts`).
 */

import type { Broken } from "./check/rules.ts";
import type { JobSpec } from "./spec.ts";
import type { Declared, StatisticsSpec } from "./statistics.ts";

export type Read<S extends Declared = JobSpec> = { readonly spec: S } | { readonly broken: readonly Broken[] };

/** The spec of a model. */
export function readSpec(value: unknown): Read {
  if (open(value, "").length === 0 && "kind" in (value as object))
    return { broken: refuse("/kind", "is of a job that asks for statistics, and this page trains a model") };
  const broken = SPEC(value, "");
  return broken.length > 0 ? { broken } : { spec: value as JobSpec };
}

/** The spec of a job that asks for statistics. */
export function readStatisticsSpec(value: unknown): Read<StatisticsSpec> {
  const broken = STATISTICS(value, "");
  return broken.length > 0 ? { broken } : { spec: value as StatisticsSpec };
}

/** What is wrong with a value at a place. */
type Form = (value: unknown, at: string) => readonly Broken[];

function refuse(pointer: string, message: string): readonly Broken[] {
  return [{ pointer, message }];
}

const number: Form = (value, at) => (typeof value === "number" ? [] : refuse(at, "has to be a number"));
const text: Form = (value, at) => (typeof value === "string" ? [] : refuse(at, "has to be a text"));

function like(pattern: RegExp, example: string): Form {
  return (value, at) =>
    typeof value === "string" && pattern.test(value) ? [] : refuse(at, `has to look like ${example}`);
}

function one(...names: readonly string[]): Form {
  return (value, at) =>
    names.includes(value as string) ? [] : refuse(at, `${JSON.stringify(value)} is none of ${names.join(", ")}`);
}

function orNull(form: Form): Form {
  return (value, at) => (value === null ? [] : form(value, at));
}

function list(item: Form): Form {
  return (value, at) =>
    Array.isArray(value)
      ? value.flatMap((one: unknown, index) => item(one, `${at}/${index}`))
      : refuse(at, "has to be a list");
}

const open: Form = (value, at) =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? [] : refuse(at, "has to be an object");

/** An object of these members, and of those if they are there. */
function object(members: Readonly<Record<string, Form>>, further: Readonly<Record<string, Form>> = {}): Form {
  const known = new Map([...Object.entries(members), ...Object.entries(further)]);
  return (value, at) => {
    const wrong = open(value, at);
    if (wrong.length > 0) return wrong;
    const given = new Map(Object.entries(value as object));
    const missing = Object.keys(members).filter((name) => !given.has(name));
    return [
      ...missing.flatMap((name) => refuse(`${at}/${name}`, "is missing")),
      ...[...given].flatMap(([name, member]) => {
        // RFC 6901: these two stand for something in a pointer.
        const pointer = `${at}/${name.replaceAll("~", "~0").replaceAll("/", "~1")}`;
        return known.get(name)?.(member, pointer) ?? refuse(pointer, "is not part of a spec");
      }),
    ];
  };
}

/** One of several objects, told apart by a text in the member `kind`. */
function byKind(kinds: Readonly<Record<string, Form>>): Form {
  return (value, at) => {
    const wrong = open(value, at);
    if (wrong.length > 0) return wrong;
    const { kind } = value as { kind?: unknown };
    const form = typeof kind === "string" && Object.hasOwn(kinds, kind) ? kinds[kind] : undefined;
    return form?.(value, at) ?? one(...Object.keys(kinds))(kind, `${at}/kind`);
  };
}

/** One of several texts, or an object of one member: its name and its numbers. */
function named(names: readonly string[], objects: Readonly<Record<string, Form>>): Form {
  return (value, at) => {
    if (open(value, at).length > 0) return one(...names, ...Object.keys(objects))(value, at);
    const [name = "", ...more] = Object.keys(value as object);
    const form = Object.hasOwn(objects, name) && more.length === 0 ? objects[name] : undefined;
    if (!form) return refuse(at, `has to be an object of one member: ${Object.keys(objects).join(" or ")}`);
    return object({ [name]: form })(value, at);
  };
}

const id = like(/^eip155:\d+\/erc721:0x[0-9a-f]{40}\/\d+$/i, "eip155:31337/erc721:0x…/42");
const hash = like(/^0x[0-9a-f]{64}$/i, "0x and 64 hexadecimal digits");
const bytes = like(/^0x([0-9a-f]{2})*$/i, "0x and hexadecimal digits");
const kind = text;
const limits = object({ max_seconds: number, max_memory_mib: number });

const SPEC = object(
  {
    version: number,
    task: one("regression", "binary_classification", "multiclass_classification", "image_classification"),
    data: object(
      { asset: id, features: list(text), target: text },
      {
        joined: list(object({ asset: id, key: text, on: text, features: list(text) })),
        windows: orNull(object({ length: number, horizon: number, stride: number })),
      },
    ),
    // Their members are checked with their ranges.
    layers: list((value, at) => {
      const wrong = open(value, at);
      return wrong.length > 0 ? wrong : text((value as { kind?: unknown }).kind, `${at}/kind`);
    }),
    loss: named(["cross_entropy", "binary_cross_entropy", "mean_squared_error", "mean_absolute_error"], {
      huber: object({ delta: number }),
      weighted_cross_entropy: object({ class_weights: list(number) }),
    }),
    optimizer: byKind({
      sgd: object({ kind, learning_rate: number }, { momentum: number, weight_decay: number }),
      adam: object({ kind, learning_rate: number }, { weight_decay: number }),
      adamw: object({ kind, learning_rate: number }, { weight_decay: number }),
    }),
    training: object(
      { epochs: number, batch_size: number, seed: number },
      { gradient_clip: orNull(number), early_stopping: orNull(object({ patience: number })) },
    ),
    split: object({ test_fraction: number, seed: number }, { by: orNull(object({ column: text, test: list(text) })) }),
    limits,
  },
  {
    schedule: object(
      {},
      {
        warm_up: number,
        decay: orNull(byKind({ step: object({ kind, every: number, factor: number }), cosine: object({ kind }) })),
      },
    ),
    start: orNull(
      object({
        model_sha256: hash,
        ciphertext_sha256: hash,
        ciphertext_bytes: number,
        key: object({ recipient: hash, encapsulated: hash, ciphertext: bytes }),
      }),
    ),
    privacy: orNull(object({ noise_multiplier: number, clipping_norm: number })),
    algorithm: orNull(object({ asset: id, hash })),
  },
);

const bound = orNull(number);
/** What every question may have beside its own members. */
const narrowed = {
  where: list(object({ column: text }, { any_of: list(text), at_least: bound, below: bound })),
};
const pair: Form = (value, at) =>
  Array.isArray(value) && value.length === 2 ? list(text)(value, at) : refuse(at, "has to be a list of two columns");

const STATISTICS = object({
  kind: one("statistics"),
  version: number,
  asset: id,
  statistics: list(
    byKind({
      count: object({ kind }, narrowed),
      mean: object({ kind, column: text }, narrowed),
      variance: object({ kind, column: text }, narrowed),
      quantiles: object({ kind, column: text, at: list(number) }, narrowed),
      histogram: object({ kind, column: text }, { ...narrowed, bins: bound }),
      contingency: object({ kind, columns: pair }, narrowed),
    }),
  ),
  noise_multiplier: number,
  limits,
});
