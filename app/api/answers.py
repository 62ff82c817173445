"""Bodies of answers: JSON as the SDKs read it, and an empty body that they do not try to parse."""

import json
from typing import Any

import orjson
from flask import Response

JSON = "application/json; charset=UTF-8"
# What every answer says that does not say otherwise itself.
USUAL = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store", "Vary": "Origin"}
_HEADERS = [("Content-Type", JSON), *USUAL.items()]


def add_usual(answer: Response) -> None:
    """Put the usual headers on an answer of another sort."""
    for name in ("X-Content-Type-Options", "Cache-Control"):
        answer.headers.setdefault(name, USUAL[name])
    answer.vary.add(USUAL["Vary"])


class JsonAnswer(Response):
    """An answer that has the usual headers from the start."""


def as_json(body: Any, status: int = 200) -> Response:
    """A JSON answer; non-ASCII characters stand for themselves."""
    return JsonAnswer(_write(body), status, _HEADERS)


def _write(body: Any) -> bytes:
    """The body in UTF-8. What orjson refuses (whole numbers past 64 bits, keys that are no text) json writes."""
    try:
        return orjson.dumps(body)
    except TypeError:
        return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


def empty() -> Response:
    """204 without a body. Its type is not JSON: SDKs would parse nothing as JSON and fail."""
    return Response(status=204, content_type="text/plain; charset=UTF-8")
