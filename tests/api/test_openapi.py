"""The OpenAPI document is whole and true: what schemathesis makes of it is answered as it says."""

import io
import re
from typing import Any

import jsonschema_rs
import pytest
import schemathesis
from flask import Flask
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from app.api import read_operations
from app.api.models import SCHEMAS
from app.api.openapi import describe
from tests.api.caller import Caller

DOCUMENT = describe(read_operations())
OPERATIONS = [(method, path, drawn) for path, methods in DOCUMENT["paths"].items() for method, drawn in methods.items()]
NOT_JSON = {"/ping", "/docs", "/openapi.json"}
CHECKS = [status_code_conformance, content_type_conformance, response_schema_conformance]
SCHEMA = schemathesis.openapi.from_dict(DOCUMENT)
SCHEMA.config.seed = 20261121
MADE = [found.ok() for found in SCHEMA.get_all_operations()]


def test_the_document_is_served_to_everybody_and_told_once(app: Flask) -> None:
    answer = Caller(app, project="").call("GET", "/openapi.json")
    assert answer.json == DOCUMENT
    again = Caller(app, project="").call("GET", "/openapi.json", headers={"If-None-Match": answer.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")


def test_the_document_may_come_packed(app: Flask) -> None:
    nobody = Caller(app, project="")
    packed = nobody.call("GET", "/openapi.json", headers={"Accept-Encoding": "gzip, br"})
    assert packed.headers["Content-Encoding"] == "gzip"
    assert len(packed.data) < len(nobody.call("GET", "/openapi.json").data) / 5


def test_the_document_is_what_openapi_3_1_allows() -> None:
    SCHEMA.validate()
    for schema in SCHEMAS.values():
        jsonschema_rs.meta.validate({"$schema": "https://json-schema.org/draft/2020-12/schema", **schema})


def test_every_operation_is_described_under_an_id_of_its_own() -> None:
    assert len(OPERATIONS) == len(read_operations())
    ids = [drawn["operationId"] for _, _, drawn in OPERATIONS]
    assert len(set(ids)) == len(ids)
    assert [name for name in ids if not re.fullmatch(r"[a-z][A-Za-z0-9]+", name)] == []
    assert [drawn["operationId"] for _, _, drawn in OPERATIONS if not drawn["summary"] or not drawn["tags"]] == []


def test_every_answer_in_json_names_its_model() -> None:
    unnamed = [
        f"{method.upper()} {path}"
        for method, path, drawn in OPERATIONS
        for status in ("200", "201")
        if path not in NOT_JSON and "content" not in drawn["responses"].get(status, {"content": {}})
    ]
    assert unnamed == []


def test_every_model_is_used_and_every_reference_leads_somewhere() -> None:
    used = set(re.findall(r"#/components/schemas/(\w+)", str(DOCUMENT)))
    assert used == set(SCHEMAS)


@pytest.fixture
def house(app: Flask, api: Caller) -> Flask:
    """One of each in it, so that ids lead somewhere."""
    api.post("/users", userId="a", email="ann@example.org")
    api.post("/users/a/targets", targetId="a", providerType="push", identifier="0123456789abcdef" * 4)
    api.post("/messaging/topics", topicId="a", name="A")
    api.post("/messaging/topics/a/subscribers", subscriberId="a", targetId="a")
    api.post("/messaging/providers/smtp", providerId="a", name="A", host="smtp.example.org")
    api.post("/messaging/messages/email", messageId="a", subject="a", content="b", draft=True)
    api.post("/storage/buckets", bucketId="a", name="A")
    api.call("POST", "/storage/buckets/a/files", data={"fileId": "a", "file": (io.BytesIO(b"GIF89a"), "a.gif")})
    return app


def sign_in(api: Caller) -> dict[str, str]:
    """Ann's own headers: a session that a program vouches for, however the last one ended."""
    api.patch("/users/a/status", status=True)
    secret = api.post("/users/a/sessions")["secret"]
    return {"X-Appwrite-Project": "default", "X-Appwrite-Session": secret}


@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
@pytest.mark.parametrize("tag", sorted({drawn["tags"][0] for _, _, drawn in OPERATIONS}))
def test_what_a_program_sends_is_answered_as_declared(
    house: Flask, api: Caller, tag: str, mode: GenerationMode
) -> None:
    made = [each for each in MADE if each.tags == [tag]]
    if mode is GenerationMode.NEGATIVE:  # what takes nothing can be given nothing wrong
        made = [each for each in made if each.path not in NOT_JSON]
    statuses = set()
    for each in made:
        headers = sign_in(api) if tag == "Account" else api.headers
        statuses |= send_what_it_takes(house, each, mode, headers | {"Accept-Encoding": "identity"})
    wanted = {400} if mode is GenerationMode.NEGATIVE else {200, 201, 204}
    assert not made or statuses & wanted  # not all of it was refused at the door


def send_what_it_takes(house: Flask, made: Any, mode: GenerationMode, headers: dict[str, str]) -> set[int]:
    """The statuses of a few requests that fit an operation (or, negative, do not).

    Their ids lead somewhere, nowhere, or astray.
    """
    statuses = set()

    @settings(
        max_examples=10, derandomize=True, database=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(case=made.as_strategy(mode), id_=st.sampled_from(["a", "a", "1", "current", "nowhere", None]))
    def send(case: Any, id_: str | None) -> None:
        if id_ is not None:
            case.path_parameters = dict.fromkeys(case.path_parameters or {}, id_)
        answer = case.call(app=house, base_url="http://localhost/v1", headers=headers)
        statuses.add(answer.status_code)
        assert answer.status_code < 500, answer.text
        case.validate_response(answer, checks=CHECKS)

    send()
    return statuses
