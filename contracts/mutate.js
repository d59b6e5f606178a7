#!/usr/bin/env node
// Proves that the tests would notice bugs: plants one after the other (the lists are in mutations/) into a copy of the
// contracts, and requires that at least one test fails. Exit code 1 if a bug survives.
//
//   node mutate.js                  all of them: about a quarter of an hour on two cores
//   node mutate.js --only NAME      one (may be repeated)
//   node mutate.js --list           only checks that each can be planted
//
// A bug that does not compile, or whose place in the source is not found just once, proves nothing: the list is wrong then,
// and that is an error of its own.
const { spawn } = require("node:child_process");
const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");

const HERE = __dirname;
const WORKERS = Math.min(2, os.cpus().length);
const COPIED = ["src", "test", "script", "foundry.toml", "solc.js", "package.json"];
const LOCAL_FORGE = path.join(HERE, "node_modules/.bin/forge");
const FORGE = fs.existsSync(LOCAL_FORGE) ? LOCAL_FORGE : "forge";
// Compiling would be most of the work. It need not be optimized, and tests that are linked dynamically need not be compiled
// again when a contract changes. A sequence of calls that fails need not be made short.
const ENVIRONMENT = {
  ...process.env,
  FOUNDRY_OPTIMIZER: "false",
  FOUNDRY_DYNAMIC_TEST_LINKING: "true",
  FOUNDRY_INVARIANT_SHRINK_RUN_LIMIT: "0",
};
const running = new Set();

class ListError extends Error {}

function readList() {
  const folder = path.join(HERE, "mutations");
  const list = fs
    .readdirSync(folder)
    .filter((name) => name.endsWith(".js"))
    .sort()
    .flatMap((name) => require(path.join(folder, name)));
  const names = new Set();
  for (const mutation of list) {
    if (names.has(mutation.name)) throw new ListError(`${mutation.name}: two mutations have this name`);
    names.add(mutation.name);
    planted(mutation);
  }
  return list;
}

/** The source with the bug in it. */
function planted({ name, file, find, replace }) {
  const source = fs.readFileSync(path.join(HERE, file), "utf8");
  const parts = source.split(find);
  if (parts.length !== 2) {
    throw new ListError(`${name}: its place occurs ${parts.length - 1} times in ${file}, and has to occur once`);
  }
  return parts.join(replace);
}

function copyContracts() {
  const copy = fs.mkdtempSync(path.join(os.tmpdir(), "atoll-mutate-"));
  for (const name of COPIED) fs.cpSync(path.join(HERE, name), path.join(copy, name), { recursive: true });
  fs.symlinkSync(path.join(HERE, "node_modules"), path.join(copy, "node_modules"));
  return copy;
}

function forge(copy, ...args) {
  return new Promise((resolve, reject) => {
    // A group of its own: it starts the compiler, which has to end with it.
    const child = spawn(FORGE, args, { cwd: copy, env: ENVIRONMENT, stdio: ["ignore", "pipe", "pipe"], detached: true });
    running.add(child);
    const output = { stdout: "", stderr: "" };
    for (const name of ["stdout", "stderr"]) child[name].on("data", (data) => (output[name] += data));
    child.on("error", reject);
    child.on("close", (code) => {
      running.delete(child);
      resolve({ code, ...output });
    });
  });
}

/** The names of the tests that failed; the first that does ends the run. */
async function failingTests(copy) {
  // What failed with one bug must not be tried again with the next.
  fs.rmSync(path.join(copy, "cache/invariant"), { recursive: true, force: true });
  fs.rmSync(path.join(copy, "cache/fuzz"), { recursive: true, force: true });
  const built = await forge(copy, "build");
  if (built.code !== 0) throw new ListError(`does not compile:\n${built.stdout}${built.stderr}`);
  const run = await forge(copy, "test", "--fail-fast", "--json");
  const failing = [];
  let tests = 0;
  for (const [suite, { test_results }] of Object.entries(JSON.parse(run.stdout))) {
    for (const [test, { status }] of Object.entries(test_results)) {
      tests += 1;
      if (status === "Failure") failing.push(`${suite.split(":").pop()}.${test.replace(/\(.*/s, "")}`);
    }
  }
  if (tests === 0) throw new Error(`no test was run:\n${run.stderr}`);
  if ((run.code === 0) !== (failing.length === 0)) throw new Error(`forge ended with ${run.code}:\n${run.stderr}`);
  return failing;
}

async function worker(copy, queue, results) {
  for (let mutation = queue.shift(); mutation; mutation = queue.shift()) {
    const { name, file, why } = mutation;
    const place = path.join(copy, file);
    const clean = fs.readFileSync(place);
    fs.writeFileSync(place, planted(mutation));
    const started = Date.now();
    try {
      const failing = await failingTests(copy);
      const outcome = failing.length === 0 ? "SURVIVED" : "caught";
      results.push({ name, outcome });
      console.log(`${outcome.padEnd(8)} ${name} (${Math.round((Date.now() - started) / 1000)} s): ${failing[0] ?? why}`);
    } catch (error) {
      if (!(error instanceof ListError)) throw error;
      results.push({ name, outcome: "invalid" });
      console.log(`INVALID  ${name}: ${error.message}`);
    } finally {
      fs.writeFileSync(place, clean);
    }
  }
}

function chosen(list, args) {
  const only = [];
  for (let i = 0; i < args.length; i += 2) {
    if (args[i] !== "--only" || args[i + 1] === undefined) throw new ListError("usage: mutate.js [--list] [--only NAME]…");
    only.push(args[i + 1]);
  }
  for (const name of only) {
    if (!list.some((mutation) => mutation.name === name)) throw new ListError(`${name}: there is no such mutation`);
  }
  return only.length === 0 ? list : list.filter(({ name }) => only.includes(name));
}

async function main() {
  const list = readList();
  const args = process.argv.slice(2);
  if (args[0] === "--list") {
    for (const { name, why } of list) console.log(`${name}: ${why}`);
    console.log(`${list.length} mutations`);
    return 0;
  }
  const queue = [...chosen(list, args)];
  const copies = [];
  // Also when it is interrupted.
  process.on("exit", () => {
    for (const { pid } of running) process.kill(-pid, "SIGKILL");
    for (const copy of copies) fs.rmSync(copy, { recursive: true, force: true, maxRetries: 3 });
  });
  for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => process.exit(130));

  copies.push(copyContracts());
  const failing = await failingTests(copies[0]);
  if (failing.length !== 0) throw new Error(`the tests fail without any planted bug: ${failing.join(", ")}`);
  while (copies.length < Math.min(WORKERS, queue.length)) {
    // With what was compiled already.
    const copy = fs.mkdtempSync(path.join(os.tmpdir(), "atoll-mutate-"));
    fs.cpSync(copies[0], copy, { recursive: true, preserveTimestamps: true, verbatimSymlinks: true });
    copies.push(copy);
  }
  const results = [];
  await Promise.all(copies.map((copy) => worker(copy, queue, results)));

  const named = (outcome) => results.filter((result) => result.outcome === outcome).map(({ name }) => name);
  console.log(`${named("caught").length} of ${results.length} planted bugs caught`);
  if (named("SURVIVED").length !== 0) console.log(`survived: ${named("SURVIVED").join(", ")}`);
  if (named("invalid").length !== 0) console.log(`invalid: ${named("invalid").join(", ")}`);
  return named("caught").length === results.length ? 0 : 1;
}

main().then(
  (code) => process.exit(code),
  (error) => {
    console.error(error instanceof ListError ? error.message : error);
    process.exit(2);
  },
);
