/** Everything that a browser sent, byte by byte, as it wrote it down itself. */

import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

interface Written {
  constants: { logEventTypes: Record<string, number> };
  events: { type: number; params?: { bytes?: string } }[];
}

export class NetworkLog {
  private readonly folder = mkdtempSync(join(tmpdir(), "atoll-network-"));
  private readonly path = join(this.folder, "log.json");

  /** For the browser's command line. */
  get arguments(): string[] {
    return [`--log-net-log=${this.path}`, "--net-log-capture-mode=Everything"];
  }

  /** All bytes that went out through any socket; to be read when the browser is closed. */
  sent(): Buffer {
    const { constants, events } = JSON.parse(readFileSync(this.path, "utf8")) as Written;
    const out = ["SOCKET_BYTES_SENT", "UDP_BYTES_SENT", "SSL_SOCKET_BYTES_SENT"].map((name) => constants.logEventTypes[name]);
    return Buffer.concat(events.filter(({ type }) => out.includes(type)).map(({ params }) => Buffer.from(params?.bytes ?? "", "base64")));
  }

  end(): void {
    rmSync(this.folder, { recursive: true });
  }
}
