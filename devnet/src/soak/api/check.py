"""Runs schemathesis against a market's server: two users, all checks, all phases, a fixed seed.

    check.py CONTEXT [--cases N] [--seed N] [--defect NAME]

CONTEXT is a JSON file: `server`, `chain_id`, `keys` of two funded wallets by name, `dictionaries` of things that exist, by
the name of the path parameter. The last line of the output is a JSON object with what came of it. With a defect, a proxy
plants it, and the run has to find it. Ends with 0 if everything was as it has to be.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import proxy
import requests
import wallet
from eth_account import Account

HERE = Path(__file__).parent
# Runs beside each other.
AT_ONCE = 2
# What finds a planted defect, and where it is. `none` is the proxy alone: it must not be found at fault itself.
PLANTED = "^/v1/(uploads(/{id})?|assets)$"
FINDS = {
    "none": ((), None),
    "foreign-object": (("ObjectLevelAuthorizationViolation", "foreign_is_not_found"), "GET /v1/uploads/{id}"),
    "server-error": (("ServerError",), "POST /v1/uploads"),
    "server-error-in-list": (("ServerError",), "GET /v1/assets"),
    "undocumented-field": (("JsonSchemaError",), "POST /v1/uploads"),
    "mass-assignment": (("AcceptedNegativeData",), "POST /v1/uploads"),
}
# Answers without a refusal, and refusals that say nothing of the request's form: a request of the right form may have them.
OF_THE_CASE = ["2xx", "304", "401", "403", "404", "409", "416", "429", "503"]
# Rules between two parts of a request, which no schema tells: days at most a year apart; a largest price only of a token; a
# number that is 1 for an order; one entry for each data set and buyer.
BETWEEN = {"read_asset_statistics": ["400"], "read_asset_facets": ["400"], "quote": ["422"], "put_privacy_ledger": ["422"]}
OF_THE_FORM = {"malformed-json", "invalid-query", "invalid-header", "bad-request", "invalid-body", "unsupported-media-type"}


def close(part) -> None:
    """Forbids members that are not described in the objects of answers; requests say for themselves."""
    if isinstance(part, list):
        for item in part:
            close(item)
    elif isinstance(part, dict):
        if part.get("type") == "object" and isinstance(part.get("properties"), dict):
            part.setdefault("additionalProperties", False)
        for name, item in part.items():
            if name not in ("example", "examples"):
                close(item)


def kinds(document: dict, answer: dict) -> set:
    if "$ref" in answer:
        answer = document["components"]["responses"][answer["$ref"].rsplit("/", 1)[1]]
    return set(answer.get("x-problem-types", []))


def configuration(document: dict, context: dict, auth: Path) -> str:
    """schemathesis.toml. Whether a refusal can meet a request of the right form is read from the description."""
    quoted = json.dumps
    lines = [
        'hooks = "hooks"',
        "request-timeout = 30.0",
        "[auth.wfc]",
        f"path = {quoted(str(auth))}",
        f"user = {quoted(next(iter(context['keys'])))}",
        f"peers = {quoted(list(context['keys']))}",
        "[output.sanitization]",
        "enabled = false",
        "[checks]",
        "enabled = true",
    ]
    for name, values in context["dictionaries"].items():
        lines += [f"[dictionaries.{name}]", f"values = {quoted(values)}"]
    lines.append("[parameters]")
    for name in context["dictionaries"]:
        lines.append(f'"path.{name}" = {{ dictionary = "{name}", probability = 0.5 }}')
    for path, item in document["paths"].items():
        for method, operation in item.items():
            accepted = list(OF_THE_CASE)
            for status, answer in operation["responses"].items():
                if status in ("400", "422") and kinds(document, answer) - OF_THE_FORM:
                    accepted.append(status)
            # A cursor is opaque: one of the right form need not be one that the server gave.
            if any(one["name"] == "cursor" for one in operation.get("parameters", [])):
                accepted.append("400")
            accepted += BETWEEN.get(operation["operationId"], [])
            lines += ["[[operations]]", f"include-operation-id = {quoted(operation['operationId'])}"]
            # A stream tells what is there at once, and then waits for what will happen: nothing does.
            if any("text/event-stream" in answer.get("content", {}) for answer in operation["responses"].values()):
                lines += ["request-timeout = 0.25", "max-stream-events = 2"]
            lines.append(f"checks.positive_data_acceptance.expected-statuses = {quoted(sorted(set(accepted)))}")
    return "\n".join(lines) + "\n"


def main() -> int:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("context", type=Path)
    arguments.add_argument("--cases", type=int, default=10_000)
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--defect", choices=FINDS)
    asked = arguments.parse_args()
    context = json.loads(asked.context.read_text())
    with tempfile.TemporaryDirectory(dir=asked.context.parent) as work:
        outcome = run(asked, context, Path(work))
    print(json.dumps(outcome), flush=True)
    return 0 if outcome["good"] else 1


def run(asked, context: dict, work: Path) -> dict:
    server, chain = context["server"], context["chain_id"]
    sessions = {name: wallet.sign_in(server, chain, Account.from_key(key)) for name, key in context["keys"].items()}
    tokens = {name: session["token"] for name, session in sessions.items()}
    document = requests.get(f"{server}/openapi.json", timeout=30).json()
    target = server
    if asked.defect:
        spoilt = proxy.Proxy(server, asked.defect, list(tokens.values()))
        target = spoilt.url
    auth, strict, facts = work / "auth.json", work / "openapi.json", work / "facts.json"
    headers = lambda token: [{"name": "Authorization", "value": f"Bearer {token}"}]
    auth.write_text(json.dumps({"auth": [{"name": n, "fixedHeaders": headers(t)} for n, t in tokens.items()]}))
    (work / "schemathesis.toml").write_text(configuration(document, context, auth))
    close(document)
    strict.write_text(json.dumps(document))
    facts.write_text(
        json.dumps(
            {
                "server": server,
                "chain_id": chain,
                "target": target,
                "tokens": tokens,
                "sessions": [session["id"] for session in sessions.values()],
            }
        )
    )
    operations = sum(len(item) for item in document["paths"].values())
    start, statuses, found, clean, seed = time.monotonic(), {}, {}, True, asked.seed
    while True:
        # The rest, shared among operations and runs; what the phases make of it is counted, not assumed.
        rest = asked.cases - sum(statuses.values())
        examples = 40 if asked.defect else max(5, rest // operations // AT_ONCE // 2)
        # A process for each core and a seed for each process: with threads, a seed would not mean the same cases.
        runs = [Run(work, facts, strict, target, seed + n, examples, asked.defect) for n in range(AT_ONCE)]
        seed += AT_ONCE
        before = sum(statuses.values())
        for one in runs:
            clean &= one.wait() == 0
            for status, number in one.statuses().items():
                statuses[status] = statuses.get(status, 0) + number
            for check, places in one.failures().items():
                found.setdefault(check, set()).update(places)
        cases = sum(statuses.values())
        if asked.defect or found or not clean or cases >= asked.cases or cases == before:
            break
    names, place = FINDS[asked.defect or "none"]
    if place:
        # What is found in a chain of requests is told of the chain.
        there = {place, "Stateful tests"}
        good = any(name in failure and there & places for failure, places in found.items() for name in names)
    else:
        good = clean and not found and (asked.defect or cases >= asked.cases)
    return {
        "good": bool(good),
        "defect": asked.defect,
        "cases": cases,
        "statuses": dict(sorted(statuses.items())),
        "found": {check: sorted(places) for check, places in found.items()},
        "seconds": round(time.monotonic() - start, 1),
    }


class Run:
    """One run of schemathesis, with what it counted and found."""

    def __init__(self, work: Path, facts: Path, strict: Path, target: str, seed: int, examples: int, defect):
        self.report, self.counted = work / f"report-{seed}.json", work / f"counted-{seed}.json"
        command = [Path(sys.executable).parent / "schemathesis", "run", strict, "--url", target, "--checks", "all"]
        command += ["--phases", "examples,coverage,fuzzing,stateful", "--seed", seed, "--workers", 1, "--max-examples", examples]
        command += ["--no-color", "--warnings", "off", "--generation-database", "none", "--continue-on-failure"]
        command += ["--report", "json", "--report-json-path", self.report]
        if defect:
            command += ["--no-shrink", "--include-path-regex", PLANTED]
        environment = {**os.environ, "ATOLL_FACTS": str(facts), "ATOLL_COUNTED": str(self.counted), "PYTHONPATH": str(HERE)}
        # Its words are shown: they say how to send each failure again. Of a planted defect nobody wants to know.
        self.words = subprocess.DEVNULL if defect else None
        self.process = subprocess.Popen(
            [str(word) for word in command], cwd=work, env=environment, stdin=subprocess.DEVNULL, stdout=self.words
        )

    def wait(self) -> int:
        return self.process.wait()

    def statuses(self) -> dict:
        return json.loads(self.counted.read_text()) if self.counted.exists() else {}

    def failures(self) -> dict:
        """Operations by the kind of failure."""
        if not self.report.exists():
            return {}
        report = json.loads(self.report.read_text())
        return {f"{one['type']}: {one['title']}": one["operations"] for one in report["failures"]}


if __name__ == "__main__":
    sys.exit(main())
