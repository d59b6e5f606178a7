import { type Hex, hashTypedData, keccak256 } from "viem";
import { privateKeyToAccount } from "viem/accounts";
import { afterEach, expect, test, vi } from "vitest";

import { canonicalHash } from "../src/canonical.ts";
import { toHex } from "../src/envelope/bytes.ts";
import type { Report } from "../src/envelope/report.ts";
import { generateKeyPair } from "../src/envelope/x25519.ts";
import { openResult } from "../src/job/result.ts";
import { domainOf, furtherHash, RECEIPT_TYPES } from "../src/job/typed.ts";
import type { Market } from "../src/market.ts";
import { Refused } from "../src/wallet/refused.ts";
import { sealResult } from "../tools/seal-result.ts";

const pair = await generateKeyPair(true);
vi.mock("../src/job/resultKey.ts", () => ({ resultKeys: async () => [pair] }));
afterEach(() => vi.unstubAllGlobals());

const MARKET = { chain_id: 31337, orders: `0x${"05".repeat(20)}` } as Market;
const PROVIDER = privateKeyToAccount(`0x${"42".repeat(32)}`);
const bytes32 = (byte: number): Hex => `0x${byte.toString(16).padStart(2, "0").repeat(32)}`;
const [ORDER, SPEC, COMMITMENT] = [bytes32(1), bytes32(5), bytes32(4)];
const METADATA = { "atoll:market": { content: { ciphertext_sha256: COMMITMENT } } };
const REPORT: Report = {
  ...{ train_rows: 75, test_rows: 25, test_accuracy: 0.5, test_f1: 0.4, test_auc: 0.7, test_log_loss: 0.6, final_loss: 0.5 },
  ...{ test_rmse: null, test_mae: null, test_r2: null, test_confusion: [] },
  ...{ history: [], inputs: [], classes: ["a", "b"], output_scaling: null, trainer: "trainer 1", privacy: null, audit: null },
};

type Job = Parameters<typeof openResult>[0];

/** A job that is done, at a market that says so. `signed` is what its provider signed, `said` the list that comes with it. */
async function done(signed: readonly Hex[], said?: readonly string[]): Promise<Job> {
  const model = new Uint8Array([1, 2, 3]);
  const sealed = await sealResult(pair.publicKey, ORDER, { report: REPORT, model });
  const sha256 = async (bytes: Uint8Array<ArrayBuffer>): Promise<Hex> =>
    toHex(new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)));
  const receipt = {
    ...{ orderId: ORDER, requestHash: bytes32(2), metadataHash: canonicalHash(METADATA), dataCommitment: COMMITMENT },
    ...{ furtherHash: furtherHash(signed) as Hex, specHash: SPEC, trainerHash: bytes32(6) },
    ...{ modelHash: await sha256(model), resultHash: await sha256(sealed), epsilonMicros: 0, seedCommitment: bytes32(0) },
    ...{ ledgerHead: bytes32(0), finishedAt: 1_700_000_000 },
  };
  const message = { ...receipt, epsilonMicros: 0n, finishedAt: 1_700_000_000n };
  const typed = { domain: domainOf(MARKET), types: RECEIPT_TYPES, primaryType: "Receipt", message } as const;
  const order = {
    ...{ id: ORDER, ended_in: bytes32(9), receipt_hash: hashTypedData(typed) },
    terms: { provider: PROVIDER.address, request_hash: SPEC },
  };
  const answers: Record<string, unknown> = {
    "/v1/market": MARKET,
    [`/v1/orders/${ORDER}`]: order,
    "/v1/assets/7/history?limit=100": { items: [{ id: "1-0", change: { kind: "published", metadata_hash: receipt.metadataHash } }] },
    "/v1/assets/7/history/1-0": { metadata: METADATA },
  };
  vi.stubGlobal("fetch", async (url: string) =>
    url === "/v1/jobs/j/result" ? new Response(sealed) : Response.json(answers[url], { status: url in answers ? 200 : 404 }),
  );
  const signature = await PROVIDER.signTypedData(typed);
  return {
    ...{ id: "j", order_id: ORDER, asset: `eip155:31337/erc721:0x${"06".repeat(20)}/7`, consumer: `0x${"07".repeat(20)}` },
    receipt: { receipt, signature, ...(said && { further: said }) },
  } as unknown as Job;
}

/** The checks that did not hold. */
async function broken(job: Job): Promise<readonly string[]> {
  const error = await openResult(job, undefined).catch((error: unknown) => error);
  expect(error).toBeInstanceOf(Refused);
  return (error as Refused).reasons.map((reason) => reason.split(":")[0] ?? "");
}

// The hash that the Rust tests know from an independent library (eth-account).
test("a receipt has the hash that the market records", () => {
  const message = {
    ...{ orderId: bytes32(1), requestHash: bytes32(2), metadataHash: bytes32(3), dataCommitment: bytes32(4) },
    ...{ furtherHash: bytes32(10), specHash: bytes32(5), trainerHash: bytes32(6), modelHash: bytes32(7) },
    ...{ resultHash: bytes32(8), epsilonMicros: 5n, seedCommitment: bytes32(11), ledgerHead: bytes32(12), finishedAt: 1_700_000_000n },
  };
  const hash = hashTypedData({ domain: domainOf(MARKET), types: RECEIPT_TYPES, primaryType: "Receipt", message });
  expect(hash).toBe("0x7ef8a9c1f37dcddd90e519edef4d7b9f74e8b280d461b4525660c82e886c1211");
});

test("further assets are hashed one after the other, and none is zero", () => {
  const [one, two] = [bytes32(0xab), bytes32(0xcd)];
  expect(furtherHash([])).toBe(bytes32(0));
  expect(furtherHash([one])).toBe(keccak256(one));
  expect(furtherHash([one, two])).toBe(keccak256(`${one}${two.slice(2)}` as Hex));
  expect(furtherHash([two, one])).not.toBe(furtherHash([one, two]));
  // Two hashes in one text would have the hash of both.
  expect(furtherHash([`${one}${two.slice(2)}`])).toBeUndefined();
  expect(furtherHash([one, "0x"])).toBeUndefined();
});

test("a result opens if its receipt is of what it names, with further assets and without", async () => {
  for (const further of [[], [bytes32(0xab), bytes32(0xcd)]]) {
    const opened = await openResult(await done(further, further), undefined);
    expect(opened.checks.every(({ holds }) => holds)).toBe(true);
    expect(opened.checks.map(({ name }) => name)).toContain("Further assets");
    expect(opened).toHaveProperty("report", REPORT);
  }
  expect((await openResult(await done([]), undefined)).checks.every(({ holds }) => holds)).toBe(true);
});

test("a list of further assets that the provider did not sign opens nothing", async () => {
  const [one, two] = [bytes32(0xab), bytes32(0xcd)];
  expect(await broken(await done([one], [two]))).toEqual(["Further assets"]);
  expect(await broken(await done([one, two], [two, one]))).toEqual(["Further assets"]);
  expect(await broken(await done([one, two], [one]))).toEqual(["Further assets"]);
  expect(await broken(await done([one, two], [`${one}${two.slice(2)}`]))).toEqual(["Further assets"]);
  expect(await broken(await done([], [one]))).toEqual(["Further assets"]);
  expect(await broken(await done([one]))).toEqual(["Further assets"]);
  // A list that fits, but to a member that was not signed.
  const job = await done([one], [two]);
  const { receipt } = job.receipt as unknown as { receipt: { furtherHash: string } };
  receipt.furtherHash = furtherHash([two]) as Hex;
  expect(await broken(job)).toEqual(["Signature", "On chain"]);
});
