"""What schemathesis has to know of this server beside its description. ATOLL_FACTS names a file with the market's facts,
ATOLL_COUNTED one for the number of answers by status."""

from __future__ import annotations

import atexit
import json
import os
import threading
import zlib
from pathlib import Path

import requests
import schemathesis
import wallet
from schemathesis import GenerationMode

FACTS = json.loads(Path(os.environ["ATOLL_FACTS"]).read_text())
SERVER, CHAIN = FACTS["server"], FACTS["chain_id"]
TOKENS = FACTS["tokens"]

COUNTED = Path(os.environ["ATOLL_COUNTED"])
LOCK = threading.Lock()
STATUSES: dict[str, int] = {}


@schemathesis.hook
def before_call(context, case, kwargs):
    turn_to_the_first_page(case)
    spare_the_session(case)


def turn_to_the_first_page(case):
    """A cursor is opaque, so one of the right form is refused nearly always, and nothing behind it is ever reached. Half of
    the requests that are meant to be right do without."""
    query = case.query or {}
    if "cursor" not in query or case.meta is None or case.meta.generation.mode != GenerationMode.POSITIVE:
        return
    if zlib.crc32(repr(sorted(query.items())).encode()) % 2:
        del query["cursor"]


def spare_the_session(case):
    """A session that is ended has to be one that nobody needs afterwards."""
    if case.method.upper() != "DELETE" or not case.operation.path.startswith("/v1/sessions"):
        return
    # A request that is meant to have no valid session keeps what it has.
    if (case.headers or {}).get("Authorization") not in {f"Bearer {token}" for token in TOKENS.values()}:
        return
    session = wallet.stranger(SERVER, CHAIN)
    case.headers["Authorization"] = f"Bearer {session['token']}"
    if (case.path_parameters or {}).get("id") in FACTS["sessions"]:
        case.path_parameters["id"] = session["id"]


@schemathesis.hook
def after_call(context, case, response):
    """Counts what was really sent and answered."""
    with LOCK:
        key = str(response.status_code)
        STATUSES[key] = STATUSES.get(key, 0) + 1


@atexit.register
def write_counted():
    COUNTED.write_text(json.dumps(STATUSES))


@schemathesis.check
def foreign_is_not_found(ctx, response, case):
    """What one user reads of his own is not there for the other, and not for nobody."""
    private = any("session" in scheme for scheme in case.operation.definition.raw.get("security", []))
    if not private or case.method.upper() != "GET" or response.status_code != 200 or not case.path_parameters:
        return
    asked = (response.request.headers.get("Authorization") or "").removeprefix("Bearer ")
    others = [token for token in TOKENS.values() if token != asked]
    if len(others) == len(TOKENS):
        return
    for token in others:
        again = requests.get(response.request.url, headers={"Authorization": f"Bearer {token}"}, timeout=30, stream=True)
        again.close()
        # 403 where the thing itself is public, such as an asset, and only a part of it is not.
        assert again.status_code in (403, 404), f"another user got {again.status_code} for {case.formatted_path}"


@schemathesis.check
def problems_are_of_a_described_kind(ctx, response, case):
    """The last part of a problem's type is one of those that the description names for this answer."""
    if response.status_code < 400 or case.method.upper() == "HEAD":
        return
    answers = case.operation.definition.raw["responses"]
    answer = answers.get(str(response.status_code))
    # A method that is not described has no answers of its own.
    if answer is None or case.method.upper() != case.operation.method.upper():
        return
    if "$ref" in answer:
        answer = case.operation.schema.raw_schema["components"]["responses"][answer["$ref"].rsplit("/", 1)[1]]
    kind = response.json()["type"].rsplit("/", 1)[1]
    assert kind in answer["x-problem-types"], f"the problem `{kind}` is not described for {response.status_code}"
