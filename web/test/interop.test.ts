import { afterAll, beforeAll, expect, test } from "vitest";

import { fromHex, toHex, type Hex } from "../src/envelope/bytes.ts";
import { contextBytes, type Context } from "../src/envelope/context.ts";
import { decrypt, encrypt, whole } from "../src/envelope/content.ts";
import { unwrap, wrap, type WrappedKey } from "../src/envelope/key-wrap.ts";
import type { Report } from "../src/envelope/report.ts";
import { openSealed } from "../src/envelope/sealed.ts";
import { generateKeyPair, importKeyPair, exportSecret, type KeyPair } from "../src/envelope/x25519.ts";
import { Peer, type Answer } from "../tools/peer.ts";
import { Random } from "../tools/random.ts";
import { sealResult } from "../tools/seal-result.ts";

const CASES = 1000;
/** The first run builds the peer. */
const MINUTES = 600_000;

const random = new Random();
let peer: Peer;
beforeAll(() => {
  peer = new Peer();
});
afterAll(() => peer.end());

/** Mostly short, sometimes around the end of a chunk, sometimes of several. */
function length(): number {
  return random.one([random.below(300), random.below(5000), 16_384 - 2 + random.below(5), random.below(60_000)]);
}

function context(): Context {
  return {
    chainId: random.one([1, 31337, random.next() * 2 ** 20]),
    registry: toHex(random.bytes(20)),
    tokenId: BigInt(toHex(random.bytes(random.one([1, 12, 32])))),
    serviceIndex: random.below(4),
    version: random.one([1, random.next()]),
  };
}

/** As the peer takes it. */
function place({ chainId, registry, tokenId, serviceIndex, version }: Context): Record<string, unknown> {
  return { chain_id: chainId, registry, token_id: `0x${tokenId.toString(16)}`, service_index: serviceIndex, version };
}

function report(): Report {
  const maybe = <T>(value: T): T | null => random.one([value, null]);
  const scaling = { offset: random.next() / 1000 - 1e6, scale: random.next() / 7 };
  return {
    train_rows: random.next(),
    test_rows: random.below(1000),
    test_accuracy: maybe(random.below(1000) / 1000),
    test_f1: maybe(random.below(1000) / 1000),
    test_auc: maybe(random.below(1000) / 1000),
    test_log_loss: maybe(random.below(1000) / 256),
    test_rmse: maybe(random.below(1000) / 8),
    test_mae: maybe(random.below(1000) / 8),
    test_r2: maybe(random.below(1000) / 512 - 1),
    test_confusion: random.one([[], [null, [0.25, 0.75]]]),
    final_loss: random.below(1000) / 256,
    history: [{ epoch: 1, epochs: 2, loss: 0.125, test_metric: maybe(0.5) }],
    inputs: [{ column: random.one(["size", "Größe", "a\"b\n"]), category: maybe("ä"), scaling: maybe(scaling), ...random.one([{}, { image: { height: 28, width: 20, channels: 3 } }]) }],
    classes: random.one([[], ["benign", "malignant"]]),
    output_scaling: maybe(scaling),
    trainer: "trainer 1",
    audit: maybe({
      ...{ attack: random.one(["held_out", "planted_canaries"]), members: random.below(1000), others: random.below(1000) },
      ...{ tpr_at_1_percent_fpr: maybe(random.below(1000) / 1000), tpr_at_01_percent_fpr: maybe(0.125) },
    }),
    privacy: maybe({
      ...{ epsilon_micros: random.next(), delta: random.below(1000) / 1e6, sampling_rate: random.below(1000) / 1000 },
      ...{ steps: random.below(1000), accountant: random.one(["renyi", "privacy_loss_distribution"]) },
    }),
  };
}

/** A key pair in both forms: ours can not be extracted. */
async function keys(): Promise<{ pair: KeyPair; secret: Hex; publicKey: Hex }> {
  const open = await generateKeyPair(true);
  const secret = await exportSecret(open);
  return { pair: await importKeyPair(secret, false), secret: toHex(secret), publicKey: toHex(open.publicKey) };
}

function said(answer: Answer, name: string): Hex {
  expect(answer.refused, `seed ${random.seed}`).toBeUndefined();
  return answer[name] as Hex;
}

test(`${CASES} contents, sealed on either side, open on the other`, { timeout: MINUTES }, async () => {
  for (let count = 0; count < CASES; count++) {
    const [key, where, plain] = [random.bytes(32), contextBytes(context()), random.bytes(length())];
    const common = { key: toHex(key), context: toHex(where) };
    const ours = await whole(encrypt(key, where, new Blob([plain])));
    const [opened, theirs] = await Promise.all([
      peer.ask({ do: "open_content", ...common, cipher: toHex(ours) }),
      peer.ask({ do: "seal_content", ...common, plain: toHex(plain) }),
    ]);
    expect(said(opened, "plain") === toHex(plain), `seed ${random.seed}`).toBe(true);
    const back = await whole(decrypt(key, where, new Blob([fromHex(said(theirs, "cipher"))])));
    expect(Buffer.compare(back, plain), `seed ${random.seed}`).toBe(0);
  }
});

test(`${CASES} keys, wrapped on either side, unwrap on the other`, { timeout: MINUTES }, async () => {
  for (let count = 0; count < CASES; count++) {
    const [{ pair, secret, publicKey }, where, key] = [await keys(), context(), random.bytes(32)];
    const wrapped = await wrap(pair.publicKey, where, key);
    const elsewhere = place({ ...where, version: (where.version + 1) % 2 ** 32 });
    const [unwrapped, theirs, refused] = await Promise.all([
      peer.ask({ do: "unwrap", secret, context: place(where), wrapped }),
      peer.ask({ do: "wrap", recipient: publicKey, context: place(where), key: toHex(key) }),
      peer.ask({ do: "unwrap", secret, context: elsewhere, wrapped }),
    ]);
    expect(said(unwrapped, "key")).toBe(toHex(key));
    expect(refused.refused).toMatch(/does not open/);
    said(theirs, "wrapped");
    expect(await unwrap(pair, where, theirs["wrapped"] as WrappedKey)).toEqual(key);
  }
});

test(`${CASES} results, sealed on either side, open on the other`, { timeout: MINUTES }, async () => {
  for (let count = 0; count < CASES; count++) {
    const { pair, secret, publicKey } = await keys();
    const [order, result] = [toHex(random.bytes(32)), { report: report(), model: random.bytes(1 + length()) }];
    const sealed = await sealResult(pair.publicKey, order, result);
    const model = toHex(result.model);
    const [opened, theirs] = await Promise.all([
      peer.ask({ do: "open_result", secret, order, sealed: toHex(sealed) }),
      peer.ask({ do: "seal_result", recipient: publicKey, order, report: result.report, model }),
    ]);
    expect(said(opened, "model") === model, `seed ${random.seed}`).toBe(true);
    expect(opened["report"]).toEqual(result.report);
    const back = await openSealed(pair, order, fromHex(said(theirs, "sealed")));
    if (!("model" in back)) throw new Error(`seed ${random.seed}: a model came back as statistics`);
    expect(toHex(back.model) === model, `seed ${random.seed}`).toBe(true);
    expect(back.report).toEqual(result.report);
  }
});

test("keys of one side are keys of the other", { timeout: MINUTES }, async () => {
  const theirs = await peer.ask({ do: "generate" });
  const pair = await importKeyPair(fromHex(said(theirs, "secret")), false);
  expect(toHex(pair.publicKey)).toBe(said(theirs, "public"));
});
