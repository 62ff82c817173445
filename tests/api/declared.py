"""What an operation declares of its answers, held against an answer that a test has seen."""

from functools import cache
from typing import Any
from urllib.parse import unquote, urlsplit

import jsonschema_rs
from flask import Flask
from werkzeug.exceptions import HTTPException
from werkzeug.routing import RequestRedirect
from werkzeug.test import TestResponse

from app.api.models import SCHEMAS
from app.api.openapi import describe_operation
from app.api.operations import Operation
from app.api.refusals import refusals_of


def operation_at(app: Flask, method: str, path: str) -> Operation | None:
    """The operation that a path below /v1 leads to; None for an unknown route."""
    api = app.extensions["carillon.api"]
    plain = "/" + "/".join(part for part in unquote(urlsplit(path).path).split("/") if part)
    try:
        endpoint, _ = api.url_map.bind("localhost").match(plain, "GET" if method == "HEAD" else method)
    except (HTTPException, RequestRedirect):
        return None
    return api.view_functions[endpoint].operation  # type: ignore[no-any-return]


def check_answer(operation: Operation, answer: TestResponse) -> None:
    """Status, type of error and body are declared; an object holds what its model names, and nothing else."""
    status, body = answer.status_code, answer.get_json(silent=True)
    if status >= 400:
        types = refusals_of(operation).get(status, ())
        assert body, f"{operation.name} answers {status} without an envelope"
        assert body["type"] in types, f"{operation.name}: {status} {body['type']} is not in app/api/refusals.py"
        validator("Error").validate(body)
        return
    assert str(status) in describe_operation(operation)["responses"], f"{operation.name} answers {status}"
    if operation.model and answer.request.method != "HEAD" and status != 304:
        validator(operation.model).validate(body)


@cache
def validator(model: str) -> Any:
    """Judges a model; unlike the document it takes no field that is not declared."""
    schemas = {name: _closed(schema) for name, schema in SCHEMAS.items()}
    whole = {"$ref": f"#/components/schemas/{model}", "components": {"schemas": schemas}}
    return jsonschema_rs.Draft202012Validator(whole, validate_formats=True)


def _closed(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_closed(inner) for inner in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {name: _closed(inner) for name, inner in schema.items()}
    return closed | {"additionalProperties": False} if "properties" in schema else closed
