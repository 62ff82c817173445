"""What a request to a service is made of, field by field: for services that write the email themselves."""

import json
from dataclasses import dataclass
from email.message import Message
from urllib.parse import parse_qsl

from app.domain.exact_request import ExactRequest


@dataclass(frozen=True, slots=True)
class RequestField:
    """One field of a request's body. `size` is its octets as they travel; `file` a file's name, else empty."""

    name: str
    size: int
    file: str = ""


def request_fields(request: ExactRequest) -> list[RequestField]:
    """The fields of a JSON object, a form or a multipart form, in their order; nothing for any other body."""
    match request.media_type:
        case "application/json":
            return _of_json(request.body)
        case "application/x-www-form-urlencoded":
            pairs = parse_qsl(request.body.decode("utf-8", "replace"), keep_blank_values=True)
            return [RequestField(name, len(value.encode())) for name, value in pairs]
        case "multipart/form-data":
            return _of_parts(request)
        case _:
            return []


def _of_json(body: bytes) -> list[RequestField]:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return []
    if not isinstance(document, dict):
        return []
    return [
        RequestField(name, len(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")))
        for name, value in document.items()
    ]


def _of_parts(request: ExactRequest) -> list[RequestField]:
    described = Message()
    described["Content-Type"] = next(value for name, value in request.headers if name.lower() == "content-type")
    pieces = (b"\r\n" + request.body).split(b"\r\n--" + (described.get_boundary() or "").encode())
    found = []
    for piece in pieces[1:-1]:
        head, _, value = piece.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        part = Message()
        for line in head.decode("utf-8", "replace").split("\r\n"):
            name, _, said = line.partition(":")
            part[name] = said.strip()
        named = str(part.get_param("name", header="content-disposition") or "")
        found.append(RequestField(named, len(value), part.get_filename() or ""))
    return found
