/** The part of an asset's metadata that the page reads (`protocol::document`). The server shows valid documents only. */

import type { Schema } from "./api/client.ts";

export type ModelFamily = "linear_regression" | "logistic_regression" | "multilayer_perceptron";

export type ColumnKind =
  | { kind: "number"; min: number; max: number }
  | { kind: "category"; values: string[] }
  /** In Parquet only: bytes, row by row from the top, a pixel's channels together. */
  | { kind: "image"; height: number; width: number; channels: number };

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
}

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

export function documentOf(asset: Schema["Asset"]): AssetDocument {
  return asset.metadata as unknown as AssetDocument;
}

/** Croissant's data type of what a model learns to tell; it stands beside the atomic type. */
export const LABEL = "cr:Label";

/** The column that the publisher marked as the one to predict; the first, if several are. */
export function targetOf({ recordSet, "atoll:market": { columns } }: AssetDocument): Column | undefined {
  const fields = recordSet.flatMap(({ field }) => field);
  const marked = fields.find(({ dataType }) => [dataType].flat().includes(LABEL));
  return columns.find(({ name }) => name === marked?.name);
}
