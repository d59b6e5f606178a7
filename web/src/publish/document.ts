/** The metadata document of a sealed table, member by member as the command line writes it. */

import { type Column, LABEL, type Policy } from "../document.ts";
import { FORMAT } from "../envelope/content.ts";
import type { Hex } from "../envelope/bytes.ts";
import type { WrappedKey } from "../envelope/key-wrap.ts";

/** What the publisher says of the data. */
export interface About {
  name: string;
  description: string;
  license: string;
  keywords: string[];
  columns: Column[];
  /** Name of the column that buyers most likely want to predict. */
  target?: string;
  policy: Policy;
  sampleRows: string[][];
}

/** What was sealed, and to whom. */
export interface SealedContent {
  version: number;
  sha256: Hex;
  bytes: number;
  rows: number;
  keys: WrappedKey[];
  provider: { wallet: Hex; public_key: Hex };
}

/** Croissant's vocabulary as its specification gives it, and the market's prefix. */
const CONTEXT = {
  "@language": "en",
  "@vocab": "https://schema.org/",
  sc: "https://schema.org/",
  cr: "http://mlcommons.org/croissant/",
  rai: "http://mlcommons.org/croissant/RAI/",
  dct: "http://purl.org/dc/terms/",
  atoll: "https://atoll.dev/ns/v1#",
  conformsTo: "dct:conformsTo",
  data: { "@id": "cr:data", "@type": "@json" },
  dataType: { "@id": "cr:dataType", "@type": "@vocab" },
  examples: { "@id": "cr:examples", "@type": "@json" },
  ...Object.fromEntries(
    [
      ...["citeAs", "column", "equivalentProperty", "extract", "field", "fileObject", "fileProperty", "fileSet", "format"],
      ...["includes", "isLiveDataset", "jsonPath", "key", "md5", "parentField", "path", "recordSet", "references", "regex"],
      ...["repeated", "replace", "samplingRate", "separator", "source", "subField", "transform"],
    ].map((word) => [word, `cr:${word}`]),
  ),
};

/** The whole document. */
export function documentFor(about: About, content: SealedContent): Record<string, unknown> {
  const { policy, columns } = about;
  const lower = (accounts: string[]) => accounts.map((account) => account.toLowerCase());
  const { allow, deny, ...limits } = policy;
  const provider = { wallet: content.provider.wallet.toLowerCase(), public_key: content.provider.public_key };
  return {
    "@context": CONTEXT,
    "@type": "sc:Dataset",
    name: about.name,
    description: about.description,
    conformsTo: "http://mlcommons.org/croissant/1.0",
    license: about.license,
    ...(about.keywords.length > 0 && { keywords: about.keywords }),
    distribution: [
      {
        "@type": "cr:FileObject",
        "@id": "sealed",
        name: "sealed",
        contentUrl: "atoll:sealed",
        encodingFormat: "text/csv",
        sha256: content.sha256.slice(2),
      },
    ],
    recordSet: [{ "@type": "cr:RecordSet", "@id": "table", name: "table", field: columns.map((column) => fieldFor(column, column.name === about.target)) }],
    "atoll:market": {
      version: 1,
      columns,
      content: {
        version: content.version,
        format: FORMAT,
        ciphertext_sha256: content.sha256,
        ciphertext_bytes: content.bytes,
        media_type: "text/csv",
        rows: content.rows,
        keys: content.keys,
      },
      provider,
      policy: {
        ...limits,
        ...(allow && { allow: lower(allow) }),
        ...(deny && deny.length > 0 && { deny: lower(deny) }),
      },
      ...(about.sampleRows.length > 0 && { sample_rows: about.sampleRows }),
    },
  };
}

function fieldFor({ name, type, description }: Column, isTarget: boolean): Record<string, unknown> {
  const atomic = { number: "sc:Float", category: "sc:Text", image: "sc:ImageObject", key: "sc:Text" }[type.kind];
  return {
    "@type": "cr:Field",
    "@id": `table/${name}`,
    name,
    ...(description !== undefined && { description }),
    dataType: isTarget ? [atomic, LABEL] : atomic,
    source: { fileObject: { "@id": "sealed" }, extract: { column: name } },
  };
}
