"""Whatever a client can send, the answer is the contract's: never a 500, never something half-made."""

import io
import json
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from werkzeug.test import TestResponse

from app.api import read_operations
from app.api.operations import Operation
from tests.api.caller import Caller

LITTLE = settings(
    max_examples=15, derandomize=True,
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
    "providerType": "email", "identifier": "ben@example.org", "draft": True, "number": "+4917012345678",
    "bucketId": "unique()", "fileId": "unique()", "title": "Hello", "body": "Hello", "labels": ["vip"],
    "status": True, "emailVerification": True, "phoneVerification": True,
}  # fmt: skip
FILES = "/storage/buckets/a/files"
OPERATIONS = list(read_operations())


PLACES = {"deliveryId": "1", "sessionId": "current"}


@pytest.fixture
def furnished(api: Caller) -> Caller:
    """One of each, so that ids in paths lead somewhere."""
    api.post("/users", userId="a", email="ann@example.org")
    api.post("/users/a/targets", targetId="a", providerType="push", identifier="0123456789abcdef" * 4)
    api.post("/messaging/topics", topicId="a", name="A")
    api.post("/messaging/topics/a/subscribers", subscriberId="a", targetId="a")
    api.post("/messaging/providers/smtp", providerId="a", name="A", host="smtp.example.org")
    api.post("/messaging/messages/email", messageId="a", subject="a", content="b", draft=True)
    api.post("/storage/buckets", bucketId="a", name="A")
    assert send_file(api, fileId="a").status_code == 201
    return api


def send_file(
    api: Caller, name: str = "a.gif", *, headers: dict[str, str] | None = None, **fields: str
) -> TestResponse:
    """Upload a few bytes into the bucket."""
    body = fields | {"file": (io.BytesIO(b"GIF89a"), name)}
    return api.call("POST", FILES, data=body, content_type="multipart/form-data", headers=headers)


def path_of(operation: Operation) -> str:
    path = operation.path
    for place in operation.places:
        path = path.replace(f"{{{place}}}", PLACES.get(place, "a"))
    return path


def check(api: Caller, operation: Operation, **request: Any) -> None:
    assert api.call(operation.method, path_of(operation), **request).status_code < 500


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


def total(api: Caller, path: str) -> int:
    return int(api.get(path)["total"])


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/messaging/messages/email", {"targets": [f"t{number}" for number in range(5_001)]}),
        ("/messaging/messages/email", {"users": ["a"] * 5_001}),
        ("/messaging/messages/email", {"topics": [None]}),
        ("/messaging/messages/email", {"users": ["../a"]}),
        ("/messaging/messages/email", {"attachments": ["a:..", "..:a", "a", ":", "a:a:a"]}),
        ("/messaging/messages/email", {"scheduledAt": "0000-00-00"}),
        ("/messaging/messages/email", {"scheduledAt": "2026-11-21T08:59:59.999+00:00"}),
        ("/messaging/messages/sms", {"content": ""}),
        ("/messaging/messages/sms", {"content": "a" * 64_231}),
        ("/messaging/messages/push", {"data": [1]}),
        ("/messaging/messages/push", {"badge": 2**31}),
        ("/messaging/messages/push", {"badge": 1.0}),
        ("/messaging/messages/push", {"image": "a:../../etc/passwd"}),
    ],
)
def test_a_message_that_cannot_be_leaves_nothing_behind(furnished: Caller, path: str, body: dict[str, Any]) -> None:
    whole = {"messageId": "n", "subject": "s", "content": "c", "title": "t", "body": "b", "users": ["a"]} | body
    assert furnished.refused("POST", path, whole)[0] == 400
    assert total(furnished, "/messaging/messages") == 1


@pytest.mark.parametrize(
    "id_", ["..", "../a", "a/b", "a\\b", ".a", "-a", "$a", "a\0", "é", "a" * 37, "%2e%2e", "a:b", ""]
)
def test_an_id_with_a_trick_in_it_is_refused_everywhere(furnished: Caller, id_: str) -> None:
    for path, name in (("/messaging/topics", "topicId"), ("/storage/buckets", "bucketId"), ("/users", "userId")):
        before = total(furnished, path)
        refused = furnished.refused("POST", path, {name: id_, "name": "x"})
        assert (refused, total(furnished, path)) == ((400, "general_argument_invalid"), before)
    assert send_file(furnished, fileId=id_).status_code == 400
    assert send_file(furnished, fileId="n", folder=f"{id_}/../..").status_code == 400
    assert total(furnished, FILES) == 1


@pytest.mark.parametrize(
    "range_",
    [
        "bytes 0-5/6/7", "bytes 0-5", "bytes -5/6", "bytes 5-0/6", "bytes 0-9/6", "bytes 0-5/*", "items 0-5/6",
        "bytes 0-5/99999999999999999999", "bytes 00x-5/6", "bytes 0-0/6", "bytes 1-6/7", "bytes 0-5/0", "bytes ٠-٥/٦",
        "bytes 5242880-5242885/5242880", "bytes 0-5242879/5242886",
    ],
)  # fmt: skip
def test_a_range_that_lies_saves_nothing(furnished: Caller, range_: str) -> None:
    header = {"Content-Range": range_.encode().decode("latin-1")}
    assert send_file(furnished, fileId="n", headers=header).status_code == 400
    assert total(furnished, FILES) == 1


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "a\0.gif", "", ".", "..", "a/b\\c.gif", "\r\nX-Evil: 1", "a" * 5_000]
)
def test_a_file_name_with_a_trick_in_it_stays_a_name(furnished: Caller, name: str) -> None:
    answer = send_file(furnished, name, fileId="n")
    assert answer.status_code in {201, 400}
    if answer.status_code == 201:
        download = furnished.call("GET", f"{FILES}/n/download")
        assert (download.status_code, download.data, "X-Evil" in download.headers) == (200, b"GIF89a", False)


CURSORS = ["", "a", "nowhere", "é", "\0", "a" * 300, "{}", "0"]


@pytest.mark.parametrize("path", ["/messaging/topics", "/messaging/providers", "/messaging/messages", "/users", FILES])
@pytest.mark.parametrize("method", ["cursorAfter", "cursorBefore"])
def test_a_cursor_that_leads_nowhere_is_a_400(furnished: Caller, path: str, method: str) -> None:
    for cursor in CURSORS:
        query = json.dumps({"method": method, "values": [cursor]})
        answer = furnished.call("GET", path, query_string={"queries[0]": query})
        assert answer.status_code == (200 if cursor == "a" else 400), (cursor, answer.text)


def test_headers_that_come_twice_are_answered(furnished: Caller) -> None:
    for name in ("X-Appwrite-Project", "X-Appwrite-Key", "X-Appwrite-JWT", "Idempotency-Key", "Origin", "Range"):
        headers = [*furnished.headers.items(), (name, "one"), (name, "two")]
        answer = furnished.client.post("/v1/messaging/topics", json={"topicId": "_"}, headers=headers)
        assert 400 <= answer.status_code < 500
