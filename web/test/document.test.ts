import { keccak256 } from "viem/utils";
import { afterAll, beforeAll, expect, test } from "vitest";

import { canonical, canonicalHash } from "../src/canonical.ts";
import type { Column } from "../src/document.ts";
import { bigEndian, concat, fromHex, toHex, utf8 } from "../src/envelope/bytes.ts";
import { FORMAT } from "../src/envelope/content.ts";
import { documentFor, type About, type SealedContent } from "../src/publish/document.ts";
import { tokenIdOf } from "../src/publish/identity.ts";
import { Peer } from "../tools/peer.ts";
import { Random } from "../tools/random.ts";

/** The first run builds the peer. */
const MINUTES = 600_000;

const random = new Random();
let peer: Peer;
beforeAll(() => {
  peer = new Peer();
});
afterAll(() => peer.end());

const TEXTS = ["size", "Größe", 'a "quoted" name', "line\nbreak", "𝒳\uffee", "tab\t", "</script>", "\u2028"];

function about(): About {
  const names = TEXTS.slice(0, 1 + random.below(TEXTS.length));
  const columns = names.map((name): Column => ({
    name,
    type: random.one([
      { kind: "number", min: -random.next() / 1e9, max: random.next() * 10 ** (random.below(40) - 20) },
      { kind: "category", values: ["b", "a", "ä"] },
    ]),
    ...(random.below(2) === 0 && { description: random.one(TEXTS) }),
  }));
  const account = () => `0x${toHex(random.bytes(20)).slice(2).toUpperCase()}`;
  return {
    name: `About ${random.one(TEXTS)}`,
    description: random.one(["", ...TEXTS]),
    license: "CC-BY-4.0",
    keywords: random.one([[], ["health", "demo"]]),
    columns,
    ...(random.below(2) === 0 && { target: random.one(names) }),
    policy: {
      model_families: ["linear_regression", "multilayer_perceptron"],
      min_rows: 50,
      max_seconds: 600,
      max_memory_mib: 1024,
      max_parameters: 1_000_000,
      ...(random.below(2) === 0 && { allow: random.one([[], [account(), account()]]) }),
      deny: random.one([[], [account()]]),
    },
    sampleRows: random.one([[], [names.map(() => "1"), names.map(() => "é")]]),
  };
}

function content(): SealedContent {
  const key = toHex(random.bytes(32));
  return {
    version: 1,
    sha256: toHex(random.bytes(32)),
    bytes: 72 + random.next(),
    rows: 1 + random.next(),
    keys: [{ recipient: key, encapsulated: toHex(random.bytes(32)), ciphertext: toHex(random.bytes(48)) }],
    provider: { wallet: toHex(random.bytes(20)), public_key: key },
  };
}

test("the document is the command line's, byte for byte, and a valid one", { timeout: MINUTES }, async () => {
  for (let count = 0; count < 300; count++) {
    const [said, sealed] = [about(), content()];
    const ours = canonical(documentFor(said, sealed));
    const theirs = await peer.ask({
      do: "document",
      ...{ name: said.name, description: said.description, license: said.license, keywords: said.keywords },
      ...{ columns: said.columns, policy: said.policy, sample_rows: said.sampleRows, target: said.target, provider: sealed.provider },
      content: {
        version: sealed.version,
        format: FORMAT,
        ciphertext_sha256: sealed.sha256,
        ciphertext_bytes: sealed.bytes,
        media_type: "text/csv",
        rows: sealed.rows,
        keys: sealed.keys,
      },
    });
    expect(theirs.refused, `seed ${random.seed}`).toBeUndefined();
    expect(ours, `seed ${random.seed}`).toBe(new TextDecoder().decode(fromHex(theirs["canonical"] as string)));
    const checked = await peer.ask({ do: "check", document: toHex(utf8(ours)) });
    expect(checked["canonical"], `seed ${random.seed}: ${checked.refused}`).toBe(theirs["canonical"]);
  }
});

test("canonical JSON and its hash are the other side's", { timeout: MINUTES }, async () => {
  const text = () => Array.from({ length: random.below(8) }, () => String.fromCodePoint(random.one([random.below(0x80), random.below(0xd800), 0x10000 + random.below(0x1000)]))).join("");
  // The largest is below 2^32 times 10^298, which is still a number.
  const number = () => random.one([random.next(), -random.next() / 7, random.next() * 10 ** (random.below(599) - 300), 0, 1e21, 1e-7]);
  const value = (depth: number): unknown =>
    depth === 0 || random.below(3) === 0
      ? random.one([number(), text(), true, false, null])
      : random.one([
          () => Array.from({ length: random.below(4) }, () => value(depth - 1)),
          () => Object.fromEntries(Array.from({ length: random.below(5) }, () => [text(), value(depth - 1)])),
        ])();
  for (let count = 0; count < 1000; count++) {
    const some = value(4);
    const theirs = await peer.ask({ do: "canonical", value: some });
    expect(toHex(utf8(canonical(some))), `seed ${random.seed}`).toBe(theirs["canonical"]);
    expect(canonicalHash(some)).toBe(theirs["hash"]);
  }
});

test("an asset's id is the last 12 bytes of the hash of chain, registry, publisher and salt", () => {
  const [registry, publisher, salt] = [random.bytes(20), random.bytes(20), random.bytes(32)];
  const pad = new Uint8Array(12);
  const preimage = concat(bigEndian(31337, 32), pad, registry, pad, publisher, salt);
  const expected = BigInt(`0x${keccak256(preimage).slice(-24)}`);
  expect(tokenIdOf(31337, toHex(registry), toHex(publisher), toHex(salt))).toBe(expected);
});
