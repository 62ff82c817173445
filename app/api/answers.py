"""Bodies of answers: JSON as the SDKs read it, and an empty body that they do not try to parse."""

import json
from typing import Any

import orjson
from flask import Response
from werkzeug.datastructures import Headers

JSON = "application/json; charset=UTF-8"
# What every answer says that does not say otherwise itself.
USUAL = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store", "Vary": "Origin"}
_HEADERS = [("Content-Type", JSON), *USUAL.items()]


def add_usual(answer: Response) -> None:
    """Put the usual headers on an answer of another sort."""
    for name in ("X-Content-Type-Options", "Cache-Control"):
        answer.headers.setdefault(name, USUAL[name])
    answer.vary.add(USUAL["Vary"])


class _UsualHeaders(Headers):
    """The usual headers, without a look for line breaks in each of them, for each answer anew."""

    def __init__(self) -> None:
        self._list = [*_HEADERS]


class JsonAnswer(Response):
    """An answer that has the usual headers from the start. It has a body, and names no place to go to."""

    def get_wsgi_headers(self, environ: Any) -> Headers:  # noqa: ARG002 - theirs would mend what is right here
        """As they are: their length was set with the body."""
        return self.headers


def as_json(body: Any, status: int = 200) -> Response:
    """A JSON answer; non-ASCII characters stand for themselves."""
    return JsonAnswer(_write(body), status, _UsualHeaders())


def _write(body: Any) -> bytes:
    """The body in UTF-8. What orjson refuses (whole numbers past 64 bits, keys that are no text) json writes."""
    try:
        return orjson.dumps(body)
    except TypeError:
        return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


def empty() -> Response:
    """204 without a body. Its type is not JSON: SDKs would parse nothing as JSON and fail."""
    return Response(status=204, content_type="text/plain; charset=UTF-8")
