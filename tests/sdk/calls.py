"""Which operations each official SDK exercises: one file per SDK in tests/sdk/calls, made by its tests.

A file says {"sdk": "Node.js", "version": "27.0.0", "operations": ["GET /messaging/topics", …]}: every operation that
the relay saw that SDK call with success, sorted. The tests of an SDK compare what they saw with its file; run with
CARILLON_RECORD=1 they write it anew. docs/api.md is made from these files, so it needs no SDK.
"""

import json
import os
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass

from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map, RequestRedirect, Rule

from app.api import read_operations
from app.infra.settings import ROOT
from tests.sdk.relay import Exchange

FOLDER = ROOT / "tests" / "sdk" / "calls"
# There are no identities to delete, so a refusal is all that these can answer.
_NEVER_THERE = ("/users/identities/", "/account/identities/")


@dataclass(frozen=True)
class Calls:
    """What one SDK exercises."""

    sdk: str
    version: str
    operations: list[str]


def read_calls() -> dict[str, Calls]:
    """The files, by their names without the ending (`python-27`), in order."""
    return {path.stem: Calls(**json.loads(path.read_text())) for path in sorted(FOLDER.glob("*.json"))}


def answered(requests: Iterable[tuple[str, str]], exchanges: Iterable[Exchange]) -> set[tuple[str, str]]:
    """Those of the requests (method and path with `{places}`) that some exchange asked for with success."""
    rules = [Rule(re.sub(r"{(\w+)}", r"<\1>", path), endpoint=(method, path), methods=[method])
             for method, path in requests]  # fmt: skip
    routes = Map(rules).bind("localhost")
    found = set()
    for exchange in exchanges:
        if exchange.status < 400 or exchange.path.startswith(_NEVER_THERE):
            try:
                found.add(routes.match(exchange.path, exchange.method)[0])
            except (HTTPException, RequestRedirect):
                continue
    return found


def operations_in(exchanges: Iterable[Exchange]) -> list[str]:
    """The operations (`GET /messaging/topics/{topicId}`) that were called with success, sorted."""
    offered = [(each.method, each.path) for each in read_operations()]
    return sorted(f"{method} {path}" for method, path in answered(offered, exchanges))


def check_calls(slug: str, sdk: str, version: str, exchanges: Iterable[Exchange]) -> None:
    """Hold what an SDK's tests called, all of them together, against its file; or write the file."""
    seen = Calls(sdk, version, operations_in(exchanges))
    path = FOLDER / f"{slug}.json"
    if os.environ.get("CARILLON_RECORD"):
        path.write_text(json.dumps(asdict(seen), indent=2) + "\n")
    kept = read_calls().get(slug, Calls(sdk, version, []))
    gone, new = sorted(set(kept.operations) - set(seen.operations)), sorted(set(seen.operations) - set(kept.operations))
    assert kept == seen, (
        f"{path.relative_to(ROOT)} is out of date; no longer called: {gone}, new: {new}. "
        "Run these tests with CARILLON_RECORD=1, then `python -m tests.api.test_docs`."
    )
