/**
 * The part of an asset's metadata that the page reads (`protocol::document`, `protocol::algorithm`). The server shows valid
 * documents only.
 */

import type { Schema } from "./api/client.ts";

export type ModelFamily = Schema["ModelFamily"];

export type ColumnKind =
  | { kind: "number"; min: number; max: number }
  | { kind: "category"; values: string[] }
  /** In Parquet only: bytes, row by row from the top, a pixel's channels together. */
  | { kind: "image"; height: number; width: number; channels: number }
  /** Texts that say whose row it is: never shown, never learnt from. */
  | { kind: "key" };

export interface Column {
  name: string;
  type: ColumnKind;
  description?: string;
}

export interface Policy {
  model_families: ModelFamily[];
  min_rows: number;
  max_seconds: number;
  max_memory_mib: number;
  max_parameters: number;
  allow?: string[];
  deny?: string[];
  /** CAIP-19 ids of data sets whose rows may be joined to these, if they name this one too. */
  join_with?: string[];
  /** Whether statistics may be asked for, which always have noise; they may not if it is not there. */
  statistics?: boolean;
  /** Algorithms that alone may be trained; any model of an allowed family if there is no such list. */
  trusted_algorithms?: Trusted[] | null;
  /** What a training may give away of a row at most; trainings are exact if it is not there. */
  privacy?: PrivacyPolicy | null;
}

export interface PrivacyPolicy {
  /** Probability that ε does not hold. */
  delta: number;
  epsilon_per_job: number;
  epsilon_per_buyer: number;
  epsilon_total: number;
}

/** One algorithm, by the hash of its template, or every one that a wallet published and owns. */
export type Trusted = { kind: "algorithm"; hash: string } | { kind: "author"; wallet: string };

export interface AssetDocument {
  name: string;
  description: string;
  license: string;
  url?: string;
  keywords?: string[];
  recordSet: { field: { name: string; dataType: string | string[] }[] }[];
  "atoll:market": {
    columns: Column[];
    content: { rows: number; ciphertext_bytes: number; ciphertext_sha256: string; media_type: string };
    provider: { wallet: string; public_key: string };
    policy: Policy;
    /** A text per column; an image as base64. */
    sample_rows?: string[][];
  };
}

/** How a model is built and trained, whatever the data: what an algorithm fixes of a job. */
export interface Template {
  task: Schema["Task"];
  layers: Schema["Layer"][];
  loss: Schema["Loss"];
  optimizer: Schema["Optimizer"];
  schedule?: Schema["Schedule"];
  training: Omit<Schema["Training"], "seed">;
  split: { test_fraction: number };
}

export interface AlgorithmDocument {
  name: string;
  description: string;
  license: string;
  keywords?: string[];
  "atoll:algorithm": { template: Template };
}

/** The document of a data set; nothing of an algorithm, which has no columns, content or policy. */
export function documentOf({ kind, metadata }: Schema["Asset"]): AssetDocument | undefined {
  return kind === "dataset" ? (metadata as unknown as AssetDocument) : undefined;
}

/** The document of an algorithm; nothing of a data set. */
export function algorithmOf({ kind, metadata }: Schema["Asset"]): AlgorithmDocument | undefined {
  return kind === "algorithm" ? (metadata as unknown as AlgorithmDocument) : undefined;
}

/** Croissant's data type of what a model learns to tell; it stands beside the atomic type. */
export const LABEL = "cr:Label";

/** The column that the publisher marked as the one to predict; the first, if several are. */
export function targetOf({ recordSet, "atoll:market": { columns } }: AssetDocument): Column | undefined {
  const fields = recordSet.flatMap(({ field }) => field);
  const marked = fields.find(({ dataType }) => [dataType].flat().includes(LABEL));
  return columns.find(({ name }) => name === marked?.name);
}
