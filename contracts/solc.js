#!/usr/bin/env node
// forge calls its compiler with `--version` or `--standard-json --allow-paths …`; the `solc` package's own command line
// rejects the latter. This answers both, with the pinned compiler.
const solc = require("solc");
const fs = require("node:fs");

if (process.argv.includes("--version")) {
  console.log("solc, the solidity compiler commandline interface\nVersion: " + solc.version());
} else if (process.argv.includes("--standard-json")) {
  const output = solc.compile(fs.readFileSync(0, "utf8"));
  // writeSync: an asynchronous write would be cut at the pipe's size when the process ends.
  const bytes = Buffer.from(output, "utf8");
  for (let at = 0; at < bytes.length; ) {
    try {
      at += fs.writeSync(1, bytes, at);
    } catch (error) {
      if (error.code !== "EAGAIN") throw error;
    }
  }
} else {
  console.error("usage: solc.js --version | --standard-json");
  process.exit(2);
}
