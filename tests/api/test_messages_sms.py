"""Text messages over the API: the status table row by row, every error, and their preview."""

from datetime import timedelta
from typing import Any

import pytest

from tests.api.caller import Caller
from tests.conftest import START, FakeClock

MESSAGES, SMS, PREVIEW = "/messaging/messages", "/messaging/messages/sms", "/messaging/preview"
NEW = {"messageId": "m", "content": "Your table is ready, {{ name | friend }}."}


@pytest.fixture
def target(api: Caller) -> str:
    """Ann's phone."""
    made = api.post("/users", userId="ann", name="Ann", email="ann@example.org", phone="+447700900123")
    return next(str(each["$id"]) for each in made["targets"] if each["providerType"] == "sms")


def test_a_draft_has_every_field(api: Caller, target: str) -> None:
    made = api.post(SMS, **NEW, draft=True, topics=["t"], users=["u"], targets=[target])
    assert made == {
        "$id": "m", "$createdAt": "2026-11-21T09:00:00.000+00:00", "$updatedAt": "2026-11-21T09:00:00.000+00:00",
        "providerType": "sms", "topics": ["t"], "users": ["u"], "targets": [target], "scheduledAt": None,
        "deliveredAt": None, "deliveryErrors": [], "deliveredTotal": 0, "status": "draft",
        "data": {"content": NEW["content"]},
    }  # fmt: skip
    assert api.get(f"{MESSAGES}/m") == made
    assert api.get(MESSAGES, search="table")["messages"] == [made]
    assert api.get(MESSAGES, '{"method":"equal","attribute":"providerType","values":["sms"]}')["total"] == 1
    assert [row["identifier"] for row in api.get(f"{MESSAGES}/m/targets")["targets"]] == ["+447700900123"]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"messageId": "used"}, (409, "message_already_exists")),
        ({"topics": []}, (400, "message_missing_target")),
        ({"targets": ["nobody"]}, (400, "message_target_not_sms")),
        ({"targets": ["nobody"], "draft": True}, (400, "message_target_not_sms")),
        ({"targets": ["TWICE"]}, (400, "message_target_not_sms")),
        ({"targets": ["EMAIL"]}, (400, "message_target_not_sms")),
        ({"scheduledAt": "2026-11-21T08:59:59Z"}, (400, "general_argument_invalid")),
        ({"scheduledAt": ""}, (400, "general_argument_invalid")),
        ({"content": ""}, (400, "general_argument_invalid")),
        ({"content": None}, (400, "general_argument_invalid")),
        ({"content": "x" * 64_231}, (400, "general_argument_invalid")),
        ({"content": "\0"}, (400, "general_argument_invalid")),
        ({"content": ["a"]}, (400, "general_argument_invalid")),
        ({"users": ["../.."]}, (400, "general_argument_invalid")),
        ({"draft": 1}, (400, "general_argument_invalid")),
    ],
)
def test_a_message_that_cannot_be_is_refused_and_not_made(
    api: Caller, target: str, change: dict[str, Any], expected: tuple[int, str]
) -> None:
    api.post(SMS, messageId="used", content="b", draft=True)
    if change.get("targets") == ["TWICE"]:
        change = {"targets": [target, target]}
    if change.get("targets") == ["EMAIL"]:
        others = api.get("/users/ann")["targets"]
        change = {"targets": [each["$id"] for each in others if each["providerType"] == "email"]}
    assert api.refused("POST", SMS, NEW | {"topics": ["news"]} | change) == expected
    assert api.get(MESSAGES)["total"] == 1


def test_a_scheduled_message_is_deleted_until_its_time_has_passed(api: Caller, clock: FakeClock) -> None:
    soon = (START + timedelta(seconds=5)).isoformat()
    for key in ("m", "n"):
        api.post(SMS, **NEW | {"messageId": key}, topics=["news"], scheduledAt=soon)
    api.delete(f"{MESSAGES}/m")
    clock.move(6)
    assert api.refused("DELETE", f"{MESSAGES}/n", {}) == (400, "message_already_scheduled")
    assert api.refused("PATCH", f"{SMS}/n", {"content": "New"}) == (400, "message_already_scheduled")


def test_a_preview_says_what_it_costs_and_why(api: Caller, target: str) -> None:
    shown = api.post(PREVIEW, 200, providerType="sms", content="Hi {{ name }} {{ nick }}😀", targetId=target)
    assert shown == {
        "providerType": "sms", "identifier": "+447700900123", "userName": "Ann", "missing": ["nick"],
        "text": "Hi Ann 😀", "encoding": "UCS-2", "units": 9, "segments": 1, "unitsPerSegment": 70,
        "parts": [{"text": "Hi Ann 😀", "units": 9}],
        "offenders": [{"position": 7, "character": "😀", "replacement": None}],
    }  # fmt: skip
    long = api.post(PREVIEW, 200, providerType="SMS", content="a" * 161)
    assert (long["encoding"], [part["units"] for part in long["parts"]]) == ("GSM-7", [153, 8])


def test_a_preview_knows_its_variables(api: Caller, target: str) -> None:
    shown = api.post(PREVIEW, 200, providerType="sms", content="{{ phone }} {{ email }}", targetId=target)
    assert (shown["text"], shown["missing"]) == ("+447700900123 ", ["email"])


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"content": "a", "targetId": "no"}, (404, "user_target_not_found")),
        ({}, (400, "general_argument_invalid")),
        ({"content": "a", "providerType": "fax"}, (400, "general_argument_invalid")),
    ],
)
def test_a_preview_that_cannot_be_is_refused(api: Caller, body: dict[str, str], expected: tuple[int, str]) -> None:
    assert api.refused("POST", PREVIEW, {"providerType": "sms"} | body) == expected
