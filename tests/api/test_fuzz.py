"""Whatever a client can send, the answer is the contract's: never a 500, never something half-made."""

import json
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.api import read_operations
from app.api.operations import Operation
from tests.api.caller import Caller

LITTLE = settings(
    max_examples=15, deadline=None, derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip
SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=40)
    | st.sampled_from(["", "unique()", "\0", "\ud800", "a" * 70_000, "2026-13-01", "9999-12-31T23:59:59-14:00",
                       "+49170", "a@b.example", "{}", "[]", 2**63, -(2**63) - 1, 10**400, "any", "user:\0", "a:b"])
)  # fmt: skip
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)
# What each parameter may well be, so that what is wrong is met in all places and not in the first only.
FINE = {
    "topicId": "unique()", "subscriberId": "unique()", "messageId": "unique()", "providerId": "unique()",
    "userId": "unique()", "targetId": "unique()", "name": "Name", "email": "new@example.org",
    "subject": "Hello", "content": "Hello {{ name }}", "host": "smtp.example.org", "prefs": {"city": "Bonn"},
    "providerType": "push", "identifier": "token", "draft": True, "number": "+4917012345678",
}  # fmt: skip
OPERATIONS = list(read_operations())


@pytest.fixture
def furnished(api: Caller) -> Caller:
    """One of each, so that ids in paths lead somewhere."""
    target = api.post("/users", userId="a", email="ann@example.org")["targets"][0]["$id"]
    api.post("/messaging/topics", topicId="a", name="A")
    api.post("/messaging/topics/a/subscribers", subscriberId="a", targetId=target)
    api.post("/messaging/providers/smtp", providerId="a", name="A", host="smtp.example.org")
    api.post("/messaging/messages/email", messageId="a", subject="a", content="b", draft=True)
    return api


def path_of(operation: Operation) -> str:
    path = operation.path
    for place in operation.places:
        path = path.replace(f"{{{place}}}", "1" if place == "deliveryId" else "a")
    return path


def check(api: Caller, operation: Operation, **request: Any) -> None:
    answer = api.call(operation.method, path_of(operation), **request)
    assert answer.status_code < 500 or (answer.status_code, answer.json["type"]) == (
        501,
        "user_auth_method_unsupported",
    )


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
@LITTLE
@given(content=st.data())
def test_any_values_are_answered(furnished: Caller, operation: Operation, content: st.DataObject) -> None:
    names = [param.wire_name for param in operation.params]
    values = {name: FINE[name] for name in names if name in FINE}
    values |= {name: content.draw(ANYTHING) for name in names if content.draw(st.integers(0, len(names))) == 0}
    if operation.is_reading:
        query = {f"{name}[0]" if isinstance(value, list) else name: str(value) for name, value in values.items()}
        safe = {name: value.encode("utf-8", "replace").decode() for name, value in query.items()}
        check(furnished, operation, query_string=safe)
    else:
        check(furnished, operation, data=json.dumps(values), content_type="application/json")


@LITTLE
@given(octets=st.binary(max_size=200))
def test_any_octets_are_answered(furnished: Caller, octets: bytes) -> None:
    for content_type in (
        "application/json",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "é",
    ):
        answer = furnished.call("POST", "/messaging/topics", data=octets, content_type=content_type)
        assert answer.status_code == 400


QUERY = st.fixed_dictionaries(
    {"method": st.sampled_from(["equal", "contains", "between", "or", "limit", "orderAsc", "cursorAfter"]) | ANYTHING},
    optional={"attribute": st.sampled_from(["name", "$id", "emailTotal", "$createdAt", "$sequence"]) | ANYTHING,
              "values": st.lists(ANYTHING, max_size=3) | ANYTHING},
)  # fmt: skip


@settings(LITTLE, max_examples=150)
@given(query=QUERY)
def test_any_query_is_answered(furnished: Caller, query: dict[str, Any]) -> None:
    answer = furnished.call("GET", "/messaging/topics", query_string={"queries[0]": json.dumps(query)})
    assert answer.status_code in {200, 400}


@pytest.mark.parametrize("depth", [50, 500, 900, 980, 995, 5_000])
def test_nesting_of_any_depth_is_answered(furnished: Caller, depth: int) -> None:
    nested = '{"prefs":' + '{"a":' * depth + "1" + "}" * depth + "}"
    answer = furnished.call("PATCH", "/users/a/prefs", data=nested, content_type="application/json")
    assert answer.status_code == (200 if depth == 50 else 400)


@pytest.mark.parametrize("field", ["a" + "[b]" * 50, "[0]", "a[", "a[b]c[d]", "a[0", "topicId[0]", "name[x][y]"])
def test_any_name_of_a_form_field_is_answered(furnished: Caller, field: str) -> None:
    assert furnished.call("POST", "/messaging/topics", data={field: "x", "topicId": "b"}).status_code == 400


def test_headers_that_cannot_be_are_answered(app: Flask) -> None:
    strange = "x" * 5_000
    for headers in (
        {"X-Appwrite-Project": strange}, {"X-Appwrite-Project": "default", "X-Appwrite-Key": strange},
        {"X-Appwrite-Project": "default", "X-Appwrite-Key": "é"}, {"Origin": "http://[x"}, {"Origin": "null"},
        {"X-Appwrite-Project": "é"}, {"Content-Length": "-1"}, {"X-Forwarded-User-Agent": strange},
    ):  # fmt: skip
        assert Caller(app, project="").call("GET", "/messaging/topics", headers=headers).status_code in {401, 403, 404}
