"""Messages over the API: status rules, errors in their order, targets, deletion (sections 9 and 10)."""

from typing import Any

import pytest

from tests.api.caller import Caller

MESSAGES, EMAIL = "/messaging/messages", "/messaging/messages/email"
NEW = {"messageId": "m", "subject": "Hello", "content": "Hello {{ name | there }}"}


@pytest.fixture
def target(api: Caller) -> str:
    """Ann's email target."""
    made = api.post("/users", userId="ann", name="Ann", email="ann@example.org", phone="+4917012345678")
    return str(made["targets"][0]["$id"])


def test_a_draft_has_every_field(api: Caller, target: str) -> None:
    made = api.post(EMAIL, **NEW, draft=True, html=True, topics=["t"], users=["u"], targets=[target])
    assert made == {
        "$id": "m", "$createdAt": "2026-11-21T09:00:00.000+00:00", "$updatedAt": "2026-11-21T09:00:00.000+00:00",
        "providerType": "email", "topics": ["t"], "users": ["u"], "targets": [target], "scheduledAt": None,
        "deliveredAt": None, "deliveryErrors": [], "deliveredTotal": 0, "status": "draft",
        "data": {"subject": "Hello", "content": NEW["content"], "html": True, "cc": [], "bcc": [], "attachments": []},
    }  # fmt: skip
    assert api.get(f"{MESSAGES}/m") == made
    assert api.get(MESSAGES, search="hello")["messages"] == [made]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"messageId": "used"}, (409, "message_already_exists")),
        ({"topics": []}, (400, "message_missing_target")),
        ({"targets": ["nobody"]}, (400, "message_target_not_email")),
        ({"targets": ["nobody"], "draft": True}, (400, "message_target_not_email")),
        ({"targets": ["TWICE"]}, (400, "message_target_not_email")),
        ({"targets": ["SMS"]}, (400, "message_target_not_email")),
        ({"scheduledAt": "2026-11-21T08:59:59Z"}, (400, "general_argument_invalid")),
        ({"scheduledAt": "2036-11-21T08:59:59Z"}, (400, "general_argument_invalid")),
        ({"scheduledAt": "soon"}, (400, "general_argument_invalid")),
        ({"scheduledAt": "0001-01-01T00:00:00+14:00"}, (400, "general_argument_invalid")),
        ({"subject": ""}, (400, "general_argument_invalid")),
        ({"subject": "x" * 999}, (400, "general_argument_invalid")),
        ({"subject": "two\r\nBcc: evil@example.org"}, (400, "general_argument_invalid")),
        ({"content": "x" * 64_231}, (400, "general_argument_invalid")),
        ({"content": "\0"}, (400, "general_argument_invalid")),
        ({"topics": ["a"] * 5_001}, (400, "general_argument_invalid")),
        ({"topics": ["a"] * 3_000, "users": ["b"] * 3_000}, (400, "general_argument_invalid")),
        ({"topics": "news"}, (400, "general_argument_invalid")),
        ({"draft": "true"}, (400, "general_argument_invalid")),
        ({"cc": ["nobody"]}, (400, "message_target_not_email")),
        ({"bcc": ["nobody"], "draft": True}, (400, "message_target_not_email")),
        ({"cc": "nobody"}, (400, "general_argument_invalid")),
        ({"attachments": ["b:f"]}, (404, "storage_bucket_not_found")),
        ({"attachments": ["b"]}, (400, "general_argument_invalid")),
        ({"attachments": ["b:"]}, (400, "general_argument_invalid")),
        ({"attachments": [{"bucketId": "b", "fileId": "f"}]}, (400, "general_argument_invalid")),
        ({"replyToEmail": "nobody"}, (400, "general_argument_invalid")),
        ({"replyToName": "a\nb"}, (400, "general_argument_invalid")),
        ({"replyToName": "x" * 129}, (400, "general_argument_invalid")),
        ({"emails": ["nobody"]}, (400, "general_argument_invalid")),
        ({"emails": ["a@example.org\r\nBcc: b@example.org"]}, (400, "general_argument_invalid")),
        ({"emails": "a@example.org"}, (400, "general_argument_invalid")),
    ],
)
def test_a_message_that_cannot_be_is_refused_and_not_made(
    api: Caller, target: str, change: dict[str, Any], expected: tuple[int, str]
) -> None:
    api.post(EMAIL, messageId="used", subject="a", content="b", draft=True)
    if change.get("targets") == ["TWICE"]:
        change = {"targets": [target, target]}
    if change.get("targets") == ["SMS"]:
        change = {"targets": [api.get("/users/ann")["targets"][1]["$id"]]}
    assert api.refused("POST", EMAIL, NEW | {"topics": ["news"]} | change) == expected
    assert api.get(MESSAGES)["total"] == 1


def test_update_replaces_lists_and_keeps_the_rest(api: Caller) -> None:
    api.post(EMAIL, **NEW, topics=["a"], users=["u"], draft=True)
    changed = api.patch(EMAIL + "/m", topics=["b", "c"], html=True)
    assert (changed["topics"], changed["users"], changed["data"]["html"]) == (["b", "c"], ["u"], True)
    assert api.refused("PATCH", EMAIL + "/no", {}) == (404, "message_not_found")


def test_the_targets_of_a_message_are_those_it_names(api: Caller, target: str) -> None:
    api.post(EMAIL, **NEW, targets=[target], topics=["news"], draft=True)
    assert [row["identifier"] for row in api.get(f"{MESSAGES}/m/targets")["targets"]] == ["ann@example.org"]
    api.patch(EMAIL + "/m", targets=[])
    assert api.get(f"{MESSAGES}/m/targets") == {"total": 0, "targets": []}


def test_messages_are_found_by_their_users_and_status(api: Caller) -> None:
    api.post(EMAIL, **NEW, users=["ann"], draft=True)
    api.post(EMAIL, **NEW | {"messageId": "n"}, users=["ann.b"], draft=True)
    has_ann = '{"method":"contains","attribute":"users","values":["ann"]}'
    assert [row["$id"] for row in api.get(MESSAGES, has_ann)["messages"]] == ["m"]
    few = '{"method":"equal","attribute":"deliveredTotal","values":[0]}'
    assert api.get(MESSAGES, few, '{"method":"orderDesc","attribute":"deliveredTotal"}')["total"] == 2


def test_a_preview_is_what_would_be_sent(api: Caller, target: str) -> None:
    shown = api.post("/messaging/preview", 200, subject="Hi {{ name }}", content="<p>Hello {{ name }}</p>", html=True,
                     targetId=target)  # fmt: skip
    assert (shown["subject"], shown["identifier"], shown["missing"]) == ("Hi Ann", "ann@example.org", [])
    assert "Hello Ann" in shown["html"]
    assert api.refused("POST", "/messaging/preview", {"content": "a", "targetId": "no"}) == (
        404, "user_target_not_found",
    )  # fmt: skip
