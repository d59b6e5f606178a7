/** A result on its way from the server to the buyer: checked against the provider's receipt, opened, checked again. */

import { encodeEventTopics, type Hex, hashTypedData, parseAbi, recoverTypedDataAddress } from "viem";

import { call, request, type Schema } from "../api/client.ts";
import { canonicalHash } from "../canonical.ts";
import { type Bytes, toHex } from "../envelope/bytes.ts";
import { type ModelResult, openSealed, type Result, type StatisticsResult } from "../envelope/sealed.ts";
import type { AssetDocument } from "../document.ts";
import { moment, same } from "../format.ts";
import { market } from "../market.ts";
import type { Provider } from "../wallet/provider.ts";
import { Refused } from "../wallet/refused.ts";
import { readStatisticsSpec } from "./read.ts";
import { resultKeys } from "./resultKey.ts";
import type { StatisticsSpec } from "./statistics.ts";
import { domainOf, furtherHash, RECEIPT_TYPES } from "./typed.ts";

type Job = Schema["Job"];
type Receipt = Schema["SignedReceipt"]["receipt"];

/** Milliseconds that the end of an order may take to be read. */
const END_WITHIN = 20_000;

export interface Check {
  readonly name: string;
  readonly holds: boolean;
  readonly detail: string;
}

interface Checked {
  readonly checks: readonly Check[];
}

export interface OpenedModel extends ModelResult, Checked {}

export interface OpenedStatistics extends StatisticsResult, Checked {
  /** What was asked: the receipt names its hash. */
  readonly spec: StatisticsSpec;
  /** The description of the data that it was asked of: the receipt names its hash as well. */
  readonly document: AssetDocument;
}

export type Opened = OpenedModel | OpenedStatistics;

/** Downloads, checks and opens the result of a completed job. `chain` is the wallet's way to the chain, if there is one. */
export async function openResult(job: Job, chain: Provider | undefined): Promise<Opened> {
  const signed = job.receipt;
  if (!signed) throw new Refused("There is no result", "The job has no receipt.");
  const { receipt, further = [] } = signed;
  const checks: Check[] = [];
  const equal = (name: string, found: string, expected: string, words: string): void => {
    checks.push({ name, holds: same(found, expected), detail: words });
  };
  const [typed, order] = await Promise.all([
    typedReceipt(receipt),
    ended(job.order_id),
  ]);
  const signer = await recoverTypedDataAddress({ ...typed, signature: signed.signature as Hex });
  equal(
    "Signature",
    signer,
    order.terms.provider,
    `signed by the provider of your order, ${moment(receipt.finishedAt)}`,
  );
  equal("Order", receipt.orderId, job.order_id, "the receipt is for your order");
  equal("Job description", receipt.specHash, order.terms.request_hash, "it ran what you paid for");
  equal(
    "Further assets",
    furtherHash(further) ?? "",
    typed.message.furtherHash,
    further.length === 0
      ? "the provider signed that it used nothing beside this data set"
      : `the provider signed which versions of ${further.length} further assets it used`,
  );
  const hash = hashTypedData(typed);
  if (chain && order.ended_in) checks.push(await onChain(chain, order, hash));
  else
    equal(
      "On chain",
      order.receipt_hash ?? "",
      hash,
      "the order was fulfilled with this receipt, as the server says; connect a wallet to ask the chain",
    );
  const document = await data(job, receipt, checks);

  const sealed = new Uint8Array(await (await request(`/v1/jobs/${job.id}/result`)).arrayBuffer());
  equal("Download", await sha256(sealed), receipt.resultHash, "what the server sent is what the provider sealed");
  requireAll(checks);
  const opened = await withAnyKey(job, sealed);
  if ("model" in opened) {
    equal("Model", await sha256(opened.model), receipt.modelHash, "the opened model is the one in the receipt");
    requireAll(checks);
    return { ...opened, checks };
  }
  equal("Statistics", await sha256(opened.bytes), receipt.modelHash, "the opened statistics are those in the receipt");
  const spec = await asked(job, receipt, opened, checks);
  requireAll(checks);
  if (!document || !spec) throw new Error("what is checked is there");
  return { ...opened, checks, spec, document };
}

/** The questions that statistics answer. Without them the answers are numbers without names, so they have to be those. */
async function asked(
  job: Job,
  receipt: Receipt,
  { statistics: { answers } }: StatisticsResult,
  checks: Check[],
): Promise<StatisticsSpec | undefined> {
  const submitted = await call("get", "/v1/jobs/{id}/request", { path: { id: job.id } });
  const read = readStatisticsSpec(submitted.spec);
  const spec = "spec" in read ? read.spec : undefined;
  const answered =
    spec?.statistics.length === answers.length && spec.statistics.every(({ kind }, at) => kind === answers[at]?.kind);
  checks.push({
    name: "Questions",
    holds: answered && same(canonicalHash(submitted.spec), receipt.specHash),
    detail: "each question that you signed has its answer",
  });
  return spec;
}

/** The order, once the server has read its end on chain: a job may be done a moment earlier. As it is if that takes long. */
async function ended(id: string): Promise<Schema["Order"]> {
  const read = (): Promise<Schema["Order"]> => call("get", "/v1/orders/{id}", { path: { id } });
  let order = await read();
  for (const until = Date.now() + END_WITHIN; !order.ended_in && Date.now() < until; order = await read()) {
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
  return order;
}

function requireAll(checks: readonly Check[]): void {
  const broken = checks.filter(({ holds }) => !holds).map(({ name, detail }) => `${name}: not so that ${detail}`);
  if (broken.length > 0) {
    throw new Refused(
      "The result does not hold what its receipt promises",
      "Nothing was opened. Try again, and if it stays so ask the provider.",
      broken,
    );
  }
}

/** Keys were made anew or restored: one of them is the key that the job named. */
async function withAnyKey(job: Job, sealed: Bytes): Promise<Result> {
  const keys = await resultKeys(job.consumer);
  for (const key of keys) {
    const opened = await openSealed(key, job.order_id as Hex, sealed).catch(() => undefined);
    if (opened) return opened;
  }
  throw new Refused(
    "This browser does not have the key to this result",
    "Open this page in the browser that ordered it, or restore the key from its backup here.",
  );
}

/** The data that was computed on is the data that was published under the description that the receipt names. Gives that. */
async function data(job: Job, receipt: Receipt, checks: Check[]): Promise<AssetDocument | undefined> {
  const token_id = job.asset.split("/").pop() ?? "";
  const { items } = await call("get", "/v1/assets/{token_id}/history", { path: { token_id }, query: { limit: 100 } });
  const version = items.find(
    ({ change }) => "metadata_hash" in change && same(change.metadata_hash, receipt.metadataHash),
  );
  if (!version) {
    checks.push({
      name: "Data",
      holds: false,
      detail: "it was computed under a description that the publisher published",
    });
    return undefined;
  }
  const { metadata } = await call("get", "/v1/assets/{token_id}/history/{id}", { path: { token_id, id: version.id } });
  const published = metadata as unknown as AssetDocument | null;
  const hashed = metadata !== null && same(canonicalHash(metadata), receipt.metadataHash);
  const commitment = published?.["atoll:market"]?.content?.ciphertext_sha256;
  checks.push({
    name: "Data",
    holds: hashed && same(commitment, receipt.dataCommitment),
    detail: "it was computed on the data that the publisher published",
  });
  return published ?? undefined;
}

const EVENTS = parseAbi([
  "event OrderFulfilled(bytes32 indexed orderId, uint256 indexed assetId, address indexed provider, address publisher, bytes32 receiptHash, uint256 earned)",
]);

interface Log {
  address: string;
  topics: string[];
  data: string;
}

/** The chain's own word, through the visitor's wallet. */
async function onChain(chain: Provider, order: Schema["Order"], hash: Hex): Promise<Check> {
  const { orders } = await market();
  const [event] = encodeEventTopics({ abi: EVENTS, eventName: "OrderFulfilled" });
  const settled = (await chain.request({ method: "eth_getTransactionReceipt", params: [order.ended_in] })) as {
    status?: string;
    logs?: Log[];
  } | null;
  const log = settled?.logs?.find(
    ({ address, topics }) => same(address, orders) && same(topics[0], event) && same(topics[1], order.id),
  );
  // Publisher, receipt hash, earned: 32 bytes each.
  const recorded = log ? `0x${log.data.slice(2 + 64, 2 + 128)}` : undefined;
  return {
    name: "On chain",
    holds: settled?.status === "0x1" && same(recorded, hash),
    detail: "the chain says that the order was fulfilled with this receipt",
  };
}

async function typedReceipt(receipt: Receipt) {
  const message = {
    ...(receipt as unknown as Record<
      | "orderId"
      | "requestHash"
      | "metadataHash"
      | "dataCommitment"
      | "furtherHash"
      | "specHash"
      | "trainerHash"
      | "modelHash"
      | "resultHash"
      | "seedCommitment"
      | "ledgerHead",
      Hex
    >),
    epsilonMicros: BigInt(receipt.epsilonMicros),
    finishedAt: BigInt(receipt.finishedAt),
  };
  return { domain: domainOf(await market()), types: RECEIPT_TYPES, primaryType: "Receipt" as const, message };
}

async function sha256(bytes: Bytes): Promise<string> {
  return toHex(new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)));
}
