"""Bodies of answers: JSON as the SDKs read it, and an empty body that they do not try to parse."""

import json
from typing import Any

from flask import Response

JSON = "application/json; charset=UTF-8"


def as_json(body: Any, status: int = 200) -> Response:
    """A JSON answer; non-ASCII characters stand for themselves."""
    return Response(json.dumps(body, ensure_ascii=False, separators=(",", ":")), status, content_type=JSON)


def empty() -> Response:
    """204 without a body. Its type is not JSON: SDKs would parse nothing as JSON and fail."""
    return Response(status=204, content_type="text/plain; charset=UTF-8")
