import { createDecipheriv, pbkdf2Sync } from "node:crypto";
import { expect, test } from "vitest";

import { canonical } from "../src/canonical.ts";
import { toHex, type Hex } from "../src/envelope/bytes.ts";
import { ITERATIONS, lock, NotABackup, unlock, WeakPassphrase, WrongPassphrase } from "../src/keys/backup.ts";

const HEADER = { account: `0x${"ab".repeat(20)}`, purpose: "consumer", public_key: `0x${"0c".repeat(32)}` } as const;
const SECRET = Uint8Array.from({ length: 32 }, (_, at) => at);
const PASSPHRASE = "correct horse battery";

test("a backup opens with its passphrase, in whatever form of Unicode it is typed", async () => {
  expect(await unlock(await lock(HEADER, SECRET, PASSPHRASE), PASSPHRASE)).toEqual({ header: HEADER, secret: SECRET });
  const composed = await lock(HEADER, SECRET, "grüne Wiese im Mai");
  expect((await unlock(composed, "gru\u0308ne Wiese im Mai")).secret).toEqual(SECRET);
});

test("another library opens it by what the file says", async () => {
  const file = JSON.parse(await lock(HEADER, SECRET, PASSPHRASE));
  expect(file.kdf).toMatchObject({ name: "PBKDF2-HMAC-SHA256", iterations: ITERATIONS });
  const bytes = (hex: Hex) => Buffer.from(hex.slice(2), "hex");
  const key = pbkdf2Sync(PASSPHRASE, bytes(file.kdf.salt), file.kdf.iterations, 32, "sha256");
  const sealed = bytes(file.ciphertext);
  const cipher = createDecipheriv("aes-256-gcm", key, bytes(file.cipher.nonce));
  const { ciphertext, ...clear } = file;
  cipher.setAAD(Buffer.from(canonical(clear)));
  cipher.setAuthTag(sealed.subarray(32));
  expect(toHex(Buffer.concat([cipher.update(sealed.subarray(0, 32)), cipher.final()]))).toBe(toHex(SECRET));
});

test("a wrong passphrase says so", async () => {
  const backup = await lock(HEADER, SECRET, PASSPHRASE);
  const refused = unlock(backup, "Correct horse battery");
  await expect(refused).rejects.toThrow(WrongPassphrase);
  await expect(refused).rejects.toThrow("This passphrase does not open the backup.");
});

test("nothing that the file says in clear can be changed", async () => {
  const backup = await lock(HEADER, SECRET, PASSPHRASE);
  const changes: [RegExp, string][] = [
    [/"0xabab/, '"0xabac'],
    [/"consumer"/, '"provider"'],
    [/"0x0c0c/, '"0x0c0d'],
    [/600000/, "600001"],
  ];
  for (const [from, to] of changes) {
    const changed = backup.replace(from, to);
    expect(changed).not.toBe(backup);
    await expect(unlock(changed, PASSPHRASE), to).rejects.toThrow(WrongPassphrase);
  }
});

test("what is no backup is told from a wrong passphrase", async () => {
  const backup = await lock(HEADER, SECRET, PASSPHRASE);
  const other = (change: (file: Record<string, never>) => unknown) => {
    const file = JSON.parse(backup);
    change(file);
    return JSON.stringify(file);
  };
  const files = ["", "{", "null", "[]", "{}", other((f) => ((f as never as { version: number }).version = 2))];
  for (const name of ["account", "purpose", "public_key", "kdf", "cipher", "ciphertext"]) {
    files.push(other((file) => delete file[name]));
  }
  files.push(backup.replace("600000", "1000"), backup.replace("600000", "2000000000"), backup.replace("600000", '"600000"'));
  for (const file of files) await expect(unlock(file, PASSPHRASE), file).rejects.toThrow(NotABackup);
});

test("a short passphrase protects nothing", async () => {
  await expect(lock(HEADER, SECRET, "12345678901")).rejects.toThrow(WeakPassphrase);
});
