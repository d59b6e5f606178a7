#!/usr/bin/env node
// Writes the ABIs that the other parts of the market compile against, from forge's artifacts. Run `forge build` before.
//
//   node export-abi.js          writes abi/*.json
//   node export-abi.js --check  writes nothing; exits 1 and names each file that differs
//
// An ABI is its interface's functions, events and errors, plus every error that the contract behind it can raise (also
// those of the libraries it uses): a client has to decode what it gets, not only what the interface declares.
const fs = require("node:fs");
const path = require("node:path");

const EXPORTS = [
  { name: "IAssetRegistry", implementation: "AssetRegistry" },
  { name: "IDatatoken", implementation: "Datatoken" },
  { name: "IMarket", implementation: "Market" },
  { name: "IMemberList", implementation: "MemberList" },
  { name: "IOrders", implementation: "Orders" },
  { name: "TestDollar" },
];

function artifactAbi(name) {
  const file = path.join(__dirname, "out", `${name}.sol`, `${name}.json`);
  if (!fs.existsSync(file)) {
    console.error(`${path.relative(__dirname, file)} is missing: run \`forge build\` first`);
    process.exit(1);
  }
  return JSON.parse(fs.readFileSync(file, "utf8")).abi;
}

const signature = (entry) => `${entry.type} ${entry.name ?? ""}(${(entry.inputs ?? []).map(canonicalType).join(",")})`;

// Tuples by their members: the name of a struct is no part of a signature.
function canonicalType(input) {
  if (!input.type.startsWith("tuple")) return input.type;
  return `(${input.components.map(canonicalType).join(",")})${input.type.slice("tuple".length)}`;
}

function exported({ name, implementation }) {
  const entries = new Map(artifactAbi(name).map((entry) => [signature(entry), entry]));
  if (implementation) {
    for (const entry of artifactAbi(implementation)) {
      if (entry.type === "error" && !entries.has(signature(entry))) entries.set(signature(entry), entry);
    }
  }
  // Sorted, because the compiler's order is not promised and a diff should show only what changed.
  const keys = [...entries.keys()].sort();
  return JSON.stringify(keys.map((key) => entries.get(key)), null, 2) + "\n";
}

const check = process.argv.includes("--check");
let drifted = false;
for (const item of EXPORTS) {
  const file = path.join(__dirname, "abi", `${item.name}.json`);
  const wanted = exported(item);
  if (check) {
    const found = fs.existsSync(file) ? fs.readFileSync(file, "utf8") : "";
    if (found !== wanted) {
      drifted = true;
      console.error(`abi/${item.name}.json differs from the contracts: run \`node export-abi.js\``);
    }
  } else {
    fs.mkdirSync(path.dirname(file), { recursive: true });
    fs.writeFileSync(file, wanted);
  }
}
process.exit(drifted ? 1 : 0);
