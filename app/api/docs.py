"""The readable page of the API at /v1/docs: the OpenAPI document as people read it, without any script."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

from flask import Response, request
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from app.api.models import Schema
from app.api.openapi import TAGS, describe, tag_of
from app.api.operations import OPERATIONS, PUBLIC, Call, Operation, operation
from app.api.params import Param
from app.api.written import Written, write
from app.domain.ids import is_custom_id
from app.domain.permissions import KEY_SCOPES
from app.infra.assets import Assets
from app.infra.settings import ROOT
from app.services.work import Work

_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; font-src 'self'; form-action 'none'; "
    "frame-ancestors 'none'; base-uri 'none'"
)
_THEMES = ("light", "dark")
_PROJECT = "PROJECT"  # what stands in the examples where nobody said which project
# What a parameter is in the examples, by its name on the wire.
EXAMPLES: Mapping[str, Any] = {
    "topicId": "unique()", "messageId": "unique()", "subscriberId": "unique()", "providerId": "unique()",
    "suppressionId": "unique()", "userId": "unique()", "bucketId": "unique()", "fileId": "unique()", "name": "News",
    "targetId": "ann-email",
    "subject": "Your order", "content": "It is on its way, {{ name | there }}.", "email": "ann@example.org",
    "number": "+491701234567", "phone": "+491701234567", "prefs": {"city": "Bonn"},
    "providerType": "email", "identifier": "ann@example.org",
    "host": "smtp.example.org", "password": "correct horse battery", "labels": ["vip"], "status": True,
    "sessionId": "current", "address": "ann@example.org", "channel": "email", "hash": "…", "title": "Your order",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Row:
    """One parameter as it stands in a table."""

    name: str
    place: str
    words: str
    is_required: bool


@dataclass(frozen=True, slots=True)
class Entry:
    """One operation: `answers` are statuses and what they mean, errors with their types.

    `credential` is the header by which the example shows who asks; empty when everybody may.
    """

    id: str
    method: str
    path: str
    summary: str
    scope: str
    credential: str
    rows: tuple[Row, ...]
    body: str
    model: str
    answers: tuple[tuple[str, str, tuple[str, ...]], ...]
    is_upload: bool


@dataclass(frozen=True, slots=True)
class Group:
    """The operations on one kind of thing."""

    name: str
    about: str
    entries: tuple[Entry, ...]

    @property
    def anchor(self) -> str:
        """Its place in the page."""
        return self.name.lower()


def read_guide(operations: Iterable[Operation]) -> tuple[Group, ...]:
    """All operations, in groups, as the page shows them."""
    offered = tuple(operations)
    drawn = describe(offered)["paths"]
    entries: dict[str, list[Entry]] = {}
    for each in sorted(offered, key=_rank):
        entry = _entry(each, drawn[each.path][each.method.lower()])
        entries.setdefault(tag_of(each.path), []).append(entry)
    return tuple(Group(name, about, tuple(entries[name])) for _, name, about in TAGS if about and name in entries)


def _rank(offered: Operation) -> tuple[int, str, str]:
    """What a group is named after comes first in it."""
    place = next(place for place, (start, _, _) in enumerate(TAGS) if offered.path.startswith(start))
    return place, offered.path, offered.method


def _entry(offered: Operation, drawn: Mapping[str, Any]) -> Entry:
    places = [Row(place, "path", "id", is_required=True) for place in offered.places]
    params = [param for param in offered.params if param.wire_name not in offered.places]
    where = "query" if offered.is_reading else "body"
    rows = [Row(param.wire_name, where, words_of(param.kind.schema), param.required) for param in params]
    answers = tuple(
        (status, answer["description"], _types_of(answer)) for status, answer in sorted(drawn["responses"].items())
    )
    is_upload = "multipart/form-data" in drawn.get("requestBody", {}).get("content", {})
    body = example_of(params) if params and not offered.is_reading and not is_upload else {}
    return Entry(
        drawn["operationId"], offered.method, offered.path, drawn["summary"],
        "" if offered.scope == PUBLIC else offered.scope, _credential(offered.scope), (*places, *rows),
        json.dumps(body, ensure_ascii=False) if body else "", offered.model, answers, is_upload,
    )  # fmt: skip


def _credential(scope: str) -> str:
    if scope == PUBLIC:
        return ""
    return "X-Appwrite-Key: $SECRET" if scope in KEY_SCOPES else "X-Appwrite-Session: $SESSION"


def _types_of(answer: Mapping[str, Any]) -> tuple[str, ...]:
    schema = answer.get("content", {}).get("application/json", {}).get("schema", {})
    return tuple(schema["allOf"][1]["properties"]["type"]["enum"]) if "allOf" in schema else ()


def example_of(params: Iterable[Param]) -> dict[str, Any]:
    """A body that the operation takes: what it must have, or else one thing it may have."""
    params = tuple(params)
    known = [param for param in params if param.wire_name in EXAMPLES] or list(params)
    chosen = [param for param in params if param.required] or known[:1]
    return {param.wire_name: _example(param) for param in chosen}


def _example(param: Param) -> Any:
    known = EXAMPLES.get(param.wire_name)
    return known if known is not None else _some_value(param.kind.schema)


def _some_value(schema: Mapping[str, Any]) -> Any:
    if "enum" in schema:
        return schema["enum"][0]
    if "anyOf" in schema:
        return _some_value(schema["anyOf"][0])
    some = {"integer": schema.get("minimum", 1), "number": 1, "boolean": True, "array": [], "object": {}}
    return some.get(str(schema.get("type")), "…")


def words_of(schema: Mapping[str, Any]) -> str:
    """What a value may be, in a few words."""
    if "anyOf" in schema:
        return " or ".join(words_of(one) for one in schema["anyOf"])
    if "const" in schema:
        return f"“{schema['const']}”" if schema["const"] != "" else "empty"
    if "enum" in schema:
        return "one of " + ", ".join(dict.fromkeys(str(word).lower() for word in schema["enum"]))
    if schema.get("type") == "array":
        return f"array of {words_of(schema.get('items', {}))}{_most(schema, 'maxItems')}"
    name = {"email": "email address", "date-time": "date"}.get(str(schema.get("format")), str(schema.get("type", "")))
    if str(schema.get("pattern", "")).startswith("^[a-zA-Z0-9]["):
        return "id"
    return f"{name}{_bounds(schema)}{_most(schema, 'maxLength')}"


def _most(schema: Schema | Mapping[str, Any], key: str) -> str:
    most = schema.get(key, 2**31)
    return f", at most {most:,}" if most < 2**31 - 1 else ""


def _bounds(schema: Mapping[str, Any]) -> str:
    least, most = schema.get("minimum"), schema.get("maximum", 2**31 - 1)
    if least is None:
        return ""
    return f" from {least:,}" + (f" to {most:,}" if most < 2**31 - 1 else "")


@cache
def _pages() -> Environment:
    made = Environment(
        loader=FileSystemLoader(ROOT / "templates"), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    made.globals["static_url"] = Assets(str(ROOT / "static")).url
    return made


@lru_cache(maxsize=32)
def page(address: str, project: str, theme: str) -> Written:
    """The page: where this installation is reached, the project of the examples, and `light`, `dark` or empty."""
    groups = read_guide(OPERATIONS.values())
    text = _pages().get_template("api/docs.html").render(groups=groups, address=address, project=project, theme=theme)
    return write("text/html; charset=UTF-8", text)


@operation("GET", "/docs", PUBLIC)
def get_docs(_work: Work, call: Call) -> Response:
    """Read this page; with `?project=` its examples name the project."""
    asked, chosen = request.args.get("project", ""), request.cookies.get("theme", "")
    answer = page(call.address, asked if is_custom_id(asked) else _PROJECT, chosen if chosen in _THEMES else "").answer(
        request
    )
    answer.headers["Content-Security-Policy"] = _POLICY
    answer.headers["Referrer-Policy"] = "same-origin"
    answer.vary.add("Cookie")
    return answer
