"""The OpenAPI 3.1 document at /v1/openapi.json, made from the declarations that judge requests."""

import json
from collections.abc import Iterable, Mapping
from functools import cache, partial
from typing import Any

from flask import Response, request

from app.api.answers import JSON
from app.api.errors import VERSION
from app.api.kinds import UID
from app.api.models import SCHEMAS, Schema, one
from app.api.operations import OPERATIONS, PUBLIC, Call, Operation, operation
from app.api.params import Param, camel
from app.api.refusals import refusals_of
from app.api.written import Written, write
from app.domain.permissions import CONTACT_SCOPES, GUEST_SCOPES, KEY_SCOPES
from app.services.work import Work

_INTRODUCTION = (
    "The REST API of Carillon: the dialect of Appwrite Messaging, Storage, Users and Account, so that the vendor's "
    "SDKs work after changing endpoint, project and key. Unknown parameters are ignored; null on an optional "
    "parameter means that it was not given. Arrays of a query are written with brackets: `queries[]=…` or "
    "`queries[0]=…`."
)
# The first word of a path that stands for a group, the group's name, and what it is about; the last that fits counts.
TAGS: tuple[tuple[str, str, str], ...] = (
    ("/messaging/messages", "Messages", "Write, send, watch and stop messages."),
    ("/messaging/preview", "Messages", ""),
    ("/messaging/topics", "Topics", "Lists that targets subscribe to."),
    ("/messaging/subscribers", "Topics", ""),
    ("/messaging/providers", "Providers", "Accounts at companies that deliver."),
    ("/messaging/suppressions", "Suppressions", "Addresses that are never written to."),
    ("/users", "Users", "Contacts and their targets, as an administrator sees them."),
    ("/account", "Account", "What a signed-in contact does for itself."),
    ("/storage", "Storage", "Buckets and files."),
    ("/", "Service", "The API itself."),
)
# What answers other than JSON are, by the end of the path; None stands for whatever the file is.
_BYTES: Mapping[str, str] = {
    "/ping": "text/plain", "/openapi.json": "application/json", "/docs": "text/html", "/download": "*/*",
    "/view": "*/*", "/push": "*/*", "/preview": "image/*",
}  # fmt: skip
# What else a success may be: method, end of the path, status, what it means.
_ALSO = (
    ("GET", "/download", 206, "A piece of the file."), ("GET", "/view", 206, "A piece of the file."),
    ("GET", "/push", 206, "A piece of the file."), ("POST", "/files", 200, "It was complete already."),
    ("GET", "/openapi.json", 304, "It is what you have."), ("GET", "/docs", 304, "It is what you have."),
)  # fmt: skip
_MEANINGS: Mapping[int, str] = {
    400: "Something in the request cannot be.", 401: "Not allowed with these credentials.", 403: "Not allowed.",
    404: "There is no such thing.", 409: "There is one already.", 412: "Something has to be done first.",
    413: "The request has more than 12 MiB.", 416: "The range lies outside the file.",
    429: "Too often; Retry-After says how long to wait.", 501: "Not offered here.",
    503: "A part of Carillon is away; try again later.",
}  # fmt: skip
_SECURITY = {
    "Project": {"type": "apiKey", "in": "header", "name": "X-Appwrite-Project",
                "description": "The id of the project; the query parameter `project` says the same."},
    "Key": {"type": "apiKey", "in": "header", "name": "X-Appwrite-Key", "description": "The secret of an API key."},
    "JWT": {"type": "apiKey", "in": "header", "name": "X-Appwrite-JWT", "description": "The token of a user."},
    "Session": {"type": "apiKey", "in": "header", "name": "X-Appwrite-Session",
                "description": "The session of a user; the cookie `a_session_<project>` says the same."},
}  # fmt: skip
_IDEMPOTENCY = {
    "name": "Idempotency-Key", "in": "header", "required": False,
    "description": "The same request with the same key within a day is answered like the first, and done once.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[ -~]+$"},
}  # fmt: skip


def describe(operations: Iterable[Operation]) -> dict[str, Any]:
    """The OpenAPI 3.1 document of these operations (spec.openapis.org/oas/v3.1.0)."""
    paths: dict[str, dict[str, Any]] = {}
    used: set[str] = set()
    for each in sorted(operations, key=lambda offered: (offered.path, offered.method)):
        drawn = describe_operation(each)
        drawn["operationId"] = _unused(drawn["operationId"], used)
        paths.setdefault(each.path, {})[each.method.lower()] = drawn
    return {
        "openapi": "3.1.0",
        "info": {"title": "Carillon", "version": VERSION, "description": _INTRODUCTION},
        "servers": [{"url": "/v1"}],
        "tags": [{"name": name, "description": about} for _, name, about in TAGS if about],
        "paths": paths,
        "components": {"schemas": dict(SCHEMAS), "securitySchemes": _SECURITY},
    }


def describe_operation(offered: Operation) -> dict[str, Any]:
    """One operation of the document; its id may still be another's."""
    drawn: dict[str, Any] = {
        "operationId": _name(offered), "summary": offered.summary.rstrip("."), "tags": [tag_of(offered.path)],
        "security": _security(offered), "parameters": [*_parameters(offered)], "responses": _responses(offered),
    }  # fmt: skip
    if offered.scope != PUBLIC:
        drawn["description"] = f"Needs the scope `{offered.scope}`."
    if offered.method == "POST":
        drawn["parameters"].append(_IDEMPOTENCY)
    params = [param for param in offered.params if param.wire_name not in offered.places]
    if params and not offered.is_reading:
        drawn["requestBody"] = _body(offered, params)
    return drawn


def tag_of(path: str) -> str:
    """The group that a path belongs to."""
    return next(name for start, name, _ in TAGS if path.startswith(start))


def _name(offered: Operation) -> str:
    """An id that programs can be made from: `messagesCreateEmail`."""
    view = offered.view
    if isinstance(view, partial):  # one view for every kind of provider: the kind stands in the path
        verb, kind = view.func.__name__.strip("_"), offered.path.split("/")[3]
        return camel(f"{tag_of(offered.path).lower()}_{verb}_{kind}")
    return camel(f"{tag_of(offered.path).lower()}_{view.__name__}")


def _unused(name: str, used: set[str]) -> str:
    """The name, with a number behind it when it is taken: a second address of the same operation."""
    number, found = 1, name
    while found in used:
        number += 1
        found = f"{name}{number}"
    used.add(found)
    return found


def _security(offered: Operation) -> list[dict[str, list[str]]]:
    if offered.scope == PUBLIC:
        return [{}, {"Project": []}]
    ways: list[dict[str, list[str]]] = []
    if offered.scope in KEY_SCOPES:
        ways.append({"Project": [], "Key": [offered.scope]})
    if offered.scope in CONTACT_SCOPES:
        ways += [{"Project": [], "Session": []}, {"Project": [], "JWT": []}]
    if offered.scope in GUEST_SCOPES:
        ways.append({"Project": []})
    return ways


def _parameters(offered: Operation) -> Iterable[dict[str, Any]]:
    declared = {param.wire_name: param.kind.schema for param in offered.params}
    for place in offered.places:
        schema = declared.get(place, UID.schema)
        yield {"name": place, "in": "path", "required": True, "schema": dict(schema)}
    if not offered.is_reading:
        return
    for param in offered.params:
        if param.wire_name not in offered.places:
            yield _in_query(param)


def _in_query(param: Param) -> dict[str, Any]:
    schema = _schema(param)
    drawn: dict[str, Any] = {"name": param.wire_name, "in": "query", "required": param.required, "schema": schema}
    if schema.get("type") == "array":
        drawn |= {"name": f"{param.wire_name}[]", "style": "form", "explode": True}
    return drawn


def _schema(param: Param) -> Schema:
    schema = dict(param.kind.schema)
    if isinstance(param.default, bool | int | float | str) and param.default != "":
        schema["default"] = param.default
    return schema


def _body(offered: Operation, params: list[Param]) -> dict[str, Any]:
    fields = {param.wire_name: _nullable(param) for param in params}
    required = [param.wire_name for param in params if param.required]
    schema: Schema = {"type": "object", "properties": fields} | ({"required": required} if required else {})
    content: dict[str, Any] = {"application/json": {"schema": schema}}
    if offered.method == "POST" and offered.path.endswith("/files"):
        file = {"type": "string", "contentMediaType": "application/octet-stream", "description": "The bytes."}
        schema = {"type": "object", "properties": fields | {"file": file}, "required": [*required, "file"]}
        content = {"multipart/form-data": {"schema": schema}}
    return {"required": bool(required), "content": content}


def _nullable(param: Param) -> Schema:
    schema = _schema(param)
    return schema if param.required else {"anyOf": [schema, {"type": "null"}]}


def _responses(offered: Operation) -> dict[str, Any]:
    drawn: dict[str, Any] = {str(offered.status): _success(offered)}
    for method, end, status, meaning in _ALSO:
        if offered.method == method and offered.path.endswith(end):
            drawn[str(status)] = {**_success(offered), "description": meaning}
    for status, types in refusals_of(offered).items():
        schema = {"allOf": [one("Error"), {"properties": {"type": {"enum": list(types)}}}]}
        drawn[str(status)] = {"description": _MEANINGS[status], "content": {"application/json": {"schema": schema}}}
    return drawn


def _success(offered: Operation) -> dict[str, Any]:
    if offered.model:
        return {"description": "Done.", "content": {"application/json": {"schema": one(offered.model)}}}
    media = next((media for end, media in _BYTES.items() if offered.path.endswith(end)), "")
    if offered.is_reading and media:
        return {"description": "Done.", "content": {media: {"schema": {}}}}
    return {"description": "Done; there is nothing to say."}


@cache
def document() -> Written:
    """The document of all operations."""
    drawn = describe(OPERATIONS.values())
    return write(JSON, json.dumps(drawn, ensure_ascii=False, separators=(",", ":")))


@operation("GET", "/openapi.json", PUBLIC)
def get_openapi(_work: Work, _call: Call) -> Response:
    """Get this document."""
    return document().answer(request)
