import { expect, test } from "vitest";

import { parse } from "../src/api/stream.ts";

test("events are read wherever the stream was cut, comments left out", () => {
  const text = ': keep-alive\n\nid: 1\ndata: {"a":1}\n\nid: 2\r\ndata: {"a":\r\ndata: 2}\r\n\r\nid: 3\ndata: {';
  for (let cut = 0; cut <= text.length; cut += 1) {
    const [first, rest] = parse(text.slice(0, cut));
    const [second, left] = parse(rest + text.slice(cut));
    expect([...first, ...second], `cut at ${cut}`).toEqual([
      { id: "1", data: '{"a":1}' },
      { id: "2", data: '{"a":\n2}' },
    ]);
    expect(left).toBe("id: 3\ndata: {");
  }
});
