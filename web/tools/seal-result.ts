import { bigEndian, concat, fromHex, utf8, type Bytes, type Hex } from "../src/envelope/bytes.ts";
import { encrypt, generateContentKey, whole } from "../src/envelope/content.ts";
import { seal } from "../src/envelope/hpke.ts";
import { infoOf } from "../src/envelope/key-wrap.ts";
import { MAGIC, type Result } from "../src/envelope/sealed.ts";

/** Seals a result to its buyer, as a provider does. The page itself only opens them. */
export async function sealResult(recipient: Bytes, orderId: Hex, result: Result): Promise<Bytes> {
  const key = generateContentKey();
  const info = infoOf("result", fromHex(orderId));
  const { encapsulated, ciphertext } = await seal(recipient, info, recipient, key);
  const [text, model] =
    "model" in result ? [utf8(JSON.stringify(result.report)), result.model] : [result.bytes, new Uint8Array()];
  const plain = concat(bigEndian(text.length, 4).reverse(), text, model);
  return concat(MAGIC, encapsulated, ciphertext, await whole(encrypt(key, info, new Blob([plain]))));
}
