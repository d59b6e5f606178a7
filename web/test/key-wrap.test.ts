import { expect, test } from "vitest";

import { fromHex, toHex, type Bytes, type Hex } from "../src/envelope/bytes.ts";
import { contextBytes, type Context } from "../src/envelope/context.ts";
import { generateContentKey } from "../src/envelope/content.ts";
import { BadPublicKey, Refused } from "../src/envelope/error.ts";
import { open, sealFrom } from "../src/envelope/hpke.ts";
import { unwrap, wrap } from "../src/envelope/key-wrap.ts";
import { exportSecret, generateKeyPair, importKeyPair, isUsable } from "../src/envelope/x25519.ts";
import vector from "./vectors/hpke.json" with { type: "json" };

const CONTEXT: Context = {
  chainId: 31337,
  registry: `0x${"01".repeat(20)}`,
  tokenId: 42n,
  serviceIndex: 0,
  version: 1,
};

function bytes(text: string): Bytes {
  return fromHex(`0x${text}`);
}

test("the vector that was published for exactly this suite, both ways", async () => {
  const [info, aad, plain] = [bytes(vector.info), bytes(vector.aad), bytes(vector.pt)];
  const recipient = await importKeyPair(bytes(vector.skRm), false);
  expect(recipient.publicKey).toEqual(bytes(vector.pkRm));
  const once = await importKeyPair(bytes(vector.skEm), false);
  const message = await sealFrom(once, recipient.publicKey, info, aad, plain);
  expect(message).toEqual({ encapsulated: bytes(vector.enc), ciphertext: bytes(vector.ct) });
  expect(await open(recipient, info, aad, message)).toEqual(plain);
  await expect(open(recipient, info, new TextEncoder().encode("Count-1"), message)).rejects.toThrow(Refused);
  await expect(open(recipient, plain, aad, message)).rejects.toThrow(Refused);
});

// Wrapped by an independent implementation (pyhpke 0.6.5) to the secret key 11…11, as in the Rust tests.
test("a key wrapped by another implementation opens", async () => {
  const secret = await importKeyPair(new Uint8Array(32).fill(0x11), false);
  const wrapped = {
    recipient: "0x7b4e909bbe7ffe44c465a220037d608ee35897d31ef972f07f74892cb0f73f13" as Hex,
    encapsulated: "0x84d4bec4fc51a3acd50e19782b44f4ae08b9649fbe9e38617548eb9725545003" as Hex,
    ciphertext:
      "0x78e80cc429aeb4f6b9f222aa41e758a7040ef41fbd81c1947a9e65376fd918fabad55995652673848174bbb9809741eb" as Hex,
  };
  expect(toHex(secret.publicKey)).toBe(wrapped.recipient);
  expect(await unwrap(secret, CONTEXT, wrapped)).toEqual(Uint8Array.from({ length: 32 }, (_, at) => at));
});

test("a wrapped key opens only where it belongs", async () => {
  const [provider, other] = [await generateKeyPair(false), await generateKeyPair(false)];
  const key = generateContentKey();
  const wrapped = await wrap(provider.publicKey, CONTEXT, key);
  expect(await unwrap(provider, CONTEXT, wrapped)).toEqual(key);
  await expect(unwrap(other, CONTEXT, wrapped)).rejects.toThrow(Refused);
  const elsewhere: Partial<Context>[] = [
    { chainId: 1 },
    { registry: `0x${"02".repeat(20)}` },
    { tokenId: 43n },
    { serviceIndex: 1 },
    { version: 2 },
  ];
  for (const place of elsewhere) {
    await expect(unwrap(provider, { ...CONTEXT, ...place }, wrapped), Object.keys(place)[0]).rejects.toThrow(Refused);
  }
  for (const field of ["recipient", "encapsulated", "ciphertext"] as const) {
    const changed = fromHex(wrapped[field]);
    changed[5]! ^= 1;
    await expect(unwrap(provider, CONTEXT, { ...wrapped, [field]: toHex(changed) }), field).rejects.toThrow(Refused);
  }
});

test("two wraps of one key differ", async () => {
  const { publicKey } = await generateKeyPair(false);
  const [one, two] = [await wrap(publicKey, CONTEXT, new Uint8Array(32)), await wrap(publicKey, CONTEXT, new Uint8Array(32))];
  expect(one.encapsulated).not.toBe(two.encapsulated);
});

test("points of small order are no keys, and nothing is sealed to them", async () => {
  // All of them, and their second encodings (https://cr.yp.to/ecdh.html#validate).
  const small = [
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
    "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  ];
  for (const point of small) {
    expect(await isUsable(bytes(point)), point).toBe(false);
    await expect(wrap(bytes(point), CONTEXT, generateContentKey())).rejects.toThrow(BadPublicKey);
  }
  expect(await isUsable((await generateKeyPair(false)).publicKey)).toBe(true);
  expect(await isUsable(bytes("09"))).toBe(false);
});

test("a secret comes back from an extractable key only", async () => {
  const pair = await generateKeyPair(true);
  const again = await importKeyPair(await exportSecret(pair), false);
  expect(again.publicKey).toEqual(pair.publicKey);
  await expect(exportSecret(again)).rejects.toThrow();
});

test("the context's bytes have the fixed layout", () => {
  expect(contextBytes(CONTEXT).length).toBe(17 + 8 + 20 + 32 + 4 + 4);
  expect(() => contextBytes({ ...CONTEXT, registry: "0x01" })).toThrow("20 bytes");
  expect(() => contextBytes({ ...CONTEXT, version: 2 ** 32 })).toThrow("4 bytes");
});
