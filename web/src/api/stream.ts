/** Server-sent events over fetch: `EventSource` can send no token, and says nothing of why it was refused. */

import { request } from "./client.ts";
import { Unreachable } from "./problem.ts";

interface Event {
  id?: string;
  data: string;
}

/** The fields of complete events, and what is left of an incomplete one. */
export function parse(text: string): [Event[], string] {
  const blocks = text.replaceAll("\r\n", "\n").split("\n\n");
  const rest = blocks.pop() ?? "";
  const events = blocks.map((block) => {
    const event: Event = { data: "" };
    const data: string[] = [];
    for (const line of block.split("\n")) {
      const value = line.slice(line.indexOf(":") + 1).replace(/^ /, "");
      if (line.startsWith("data:")) data.push(value);
      else if (line.startsWith("id:")) event.id = value;
    }
    event.data = data.join("\n");
    return event;
  });
  return [events.filter((event) => event.data !== ""), rest];
}

/**
 * Every event of a stream until it ends or `signal` says so. A broken connection is taken up again after the last event
 * that came; `reconnecting` hears of that.
 */
export async function* follow<T>(
  url: string,
  signal: AbortSignal,
  reconnecting?: (broken: boolean) => void,
): AsyncGenerator<T> {
  let last: string | undefined;
  for (let wait = 500; !signal.aborted; wait = Math.min(wait * 2, 10_000)) {
    try {
      const headers: Record<string, string> = { accept: "text/event-stream" };
      if (last !== undefined) headers["last-event-id"] = last;
      const response = await request(url, { headers, signal });
      if (response.status === 204 || !response.body) return;
      reconnecting?.(false);
      let text = "";
      let events: Event[];
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
      for (;;) {
        const { done, value } = await reader.read();
        // The server ends a stream only after its last event; with an id, it answers 204 then.
        if (done) break;
        [events, text] = parse(text + value);
        for (const event of events) {
          last = event.id ?? last;
          wait = 500;
          yield JSON.parse(event.data) as T;
        }
      }
      if (last === undefined) return;
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof Unreachable) && !(error instanceof TypeError)) throw error;
      reconnecting?.(true);
    }
    await new Promise((done) => setTimeout(done, wait));
  }
}
