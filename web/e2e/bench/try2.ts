import { browser } from "../browser.ts";
import { sealer, raw, ours, choose } from "./seal.ts";
const b = await browser();
const p = await sealer(b, process.env.ATOLL_SERVER!);
await choose(p, "/tmp/wbench-random.bin");
const variant = (v: string, size: number, ahead: number) => p.evaluate(async ([v, size, ahead]: any) => {
  const M = 128, all = M * 2 ** 20;
  const file = document.querySelector<HTMLInputElement>("#chosen")!.files![0]!;
  const key = await crypto.subtle.generateKey({ name: "AES-GCM", length: 256 }, false, ["encrypt"]);
  const t = performance.now();
  if (v === "read") {
    const q: any[] = []; let n = 0;
    for (let at = 0; at < all; at += size) { q.push(file.slice(at, at + size).arrayBuffer()); if (q.length >= ahead) n += (await q.shift()).byteLength; }
    for (const x of q) n += (await x).byteLength;
  } else if (v === "stream") {
    const r = file.slice(0, all).stream().getReader(); for (;;) { const { done } = await r.read(); if (done) break; }
  } else if (v === "mem" || v === "memcopy") {
    const portion = new Uint8Array(size);
    const per = size / 16384;
    for (let d = 0; d < all; d += size) {
      const done = await Promise.all(Array.from({ length: per }, (_, at) => { const iv = new Uint8Array(12); new DataView(iv.buffer).setUint32(0, d/16384+at);
        return crypto.subtle.encrypt({ name: "AES-GCM", iv, tagLength: 128 }, key, portion.subarray(at*16384, (at+1)*16384)); }));
      if (v === "memcopy") { const out = new Uint8Array(per*16400); done.forEach((x, at) => out.set(new Uint8Array(x), at*16400)); }
    }
  }
  return M / ((performance.now() - t) / 1000);
}, [v, size, ahead] as any);
const K = 2 ** 20;
for (let i = 0; i < 2; i++) {
  const row: any = { raw: await raw(p, 128), ours: await ours(p, 128) };
  for (const [v, s, a] of [["read", 2*K, 1], ["read", 2*K, 4], ["read", 8*K, 2], ["stream", 0, 0], ["mem", 2*K, 0], ["memcopy", 2*K, 0], ["memcopy", K/2, 0]] as const) row[`${v}-${s/K}-${a}`] = await variant(v, s, a);
  console.log(Object.entries(row).map(([k, v]) => `${k} ${(v as number).toFixed(0)}`).join("  "));
}
await b.close();
