"""The status of a message, the same for every channel: sections 10.1 and 10.4 of the contract, row by row."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from app.models.messages import Message
from app.services.work import Workshop
from tests.api.caller import Caller
from tests.conftest import START, FakeClock

MESSAGES = "/messaging/messages"
LATER, STILL_LATER = "2026-11-22T09:00:00.000+00:00", "2026-11-23T09:00:00.000+00:00"
EDIT = {"edit": True}  # a change of words alone


@dataclass(frozen=True)
class Channel:
    """How a channel's messages are made, and the field whose words are changed."""

    name: str
    words: dict[str, str]
    edited: str

    @property
    def path(self) -> str:
        return f"{MESSAGES}/{self.name}"

    @property
    def new(self) -> dict[str, Any]:
        return {"messageId": "m", **self.words}

    def change(self, change: dict[str, Any]) -> dict[str, Any]:
        """The request: what is to be edited is edited."""
        return {self.edited: "New"} if change == EDIT else change


CHANNELS = (
    Channel("email", {"subject": "Hello", "content": "Hello {{ name | there }}"}, "subject"),
    Channel("sms", {"content": "Your table is ready, {{ name | friend }}."}, "content"),
    Channel("push", {"title": "Hello", "body": "It rains in {{ city | town }}"}, "title"),
)


@pytest.fixture(params=CHANNELS, ids=lambda channel: channel.name)
def channel(request: pytest.FixtureRequest) -> Channel:
    return request.param  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("body", "status", "scheduled"),
    [
        ({"draft": True}, "draft", None),
        ({"draft": True, "scheduledAt": LATER}, "draft", LATER),
        ({}, "processing", None),
        ({"draft": False}, "processing", None),
        ({"draft": False, "scheduledAt": None}, "processing", None),
        ({"scheduledAt": LATER}, "scheduled", LATER),
        ({"draft": False, "scheduledAt": LATER}, "scheduled", LATER),
        ({"scheduledAt": "2026-11-22 09:00:00.000"}, "scheduled", LATER),
        ({"scheduledAt": "2026-11-22T11:00:00+02:00"}, "scheduled", LATER),
    ],
)
def test_the_status_follows_draft_and_time(
    api: Caller, channel: Channel, body: dict[str, Any], status: str, scheduled: str | None
) -> None:
    made = api.post(channel.path, **channel.new, topics=["news"], **body)
    assert (made["status"], made["scheduledAt"]) == (status, scheduled)


@pytest.mark.parametrize(
    ("before", "change", "status", "scheduled"),
    [
        ({"draft": True}, {}, "draft", None),
        ({"draft": True}, EDIT, "draft", None),
        ({"draft": True}, {"draft": False}, "processing", None),
        ({"draft": True, "scheduledAt": LATER}, {"draft": False}, "processing", LATER),
        ({"draft": True, "scheduledAt": LATER}, EDIT, "draft", LATER),
        ({"draft": True}, {"scheduledAt": LATER}, "scheduled", LATER),
        ({"draft": True}, {"draft": False, "scheduledAt": LATER}, "scheduled", LATER),
        ({"draft": True}, {"draft": True, "scheduledAt": LATER}, "draft", LATER),
        ({"scheduledAt": LATER}, EDIT, "scheduled", LATER),
        ({"scheduledAt": LATER}, {"scheduledAt": STILL_LATER}, "scheduled", STILL_LATER),
        ({"scheduledAt": LATER}, {"draft": True}, "draft", LATER),
        ({"scheduledAt": LATER}, {"draft": False}, "processing", LATER),
    ],
)
def test_an_update_moves_a_message_as_the_table_says(
    api: Caller, channel: Channel, before: dict[str, Any], change: dict[str, Any], status: str, scheduled: str | None
) -> None:
    api.post(channel.path, **channel.new, topics=["news"], **before)
    changed = api.patch(f"{channel.path}/m", **channel.change(change))
    assert (changed["status"], changed["scheduledAt"]) == (status, scheduled)
    assert changed["data"][channel.edited] == ("New" if change == EDIT else channel.words[channel.edited])


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("processing", "message_already_processing"), ("sent", "message_already_sent"),
        ("failed", "message_already_failed"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("change", [{}, EDIT, {"draft": True}, {"scheduledAt": LATER}])
def test_what_went_out_does_not_change(
    api: Caller, workshop: Workshop, channel: Channel, status: str, expected: str, change: dict[str, Any]
) -> None:
    api.post(channel.path, **channel.new, topics=["news"], draft=True)
    with workshop.database.begin() as session:
        session.query(Message).update({"status": status})
    assert api.refused("PATCH", f"{channel.path}/m", channel.change(change)) == (400, expected)


def test_sending_needs_somebody(api: Caller, channel: Channel) -> None:
    api.post(channel.path, **channel.new, draft=True)
    assert api.refused("PATCH", f"{channel.path}/m", {"draft": False}) == (400, "message_missing_target")
    assert api.patch(f"{channel.path}/m", draft=False, users=["ann"])["status"] == "processing"


def test_an_update_of_another_channel_or_of_nothing_finds_nothing(api: Caller, channel: Channel) -> None:
    api.post(channel.path, **channel.new, draft=True)
    others = [f"{other.path}/m" for other in CHANNELS if other is not channel]
    for path in (f"{channel.path}/no", *others):
        assert api.refused("PATCH", path, {}) == (404, "message_not_found")


def test_a_message_whose_time_has_passed_neither_changes_nor_goes(
    api: Caller, channel: Channel, clock: FakeClock
) -> None:
    api.post(channel.path, **channel.new, topics=["news"], scheduledAt=(START + timedelta(seconds=5)).isoformat())
    clock.move(6)
    refusal = (400, "message_already_scheduled")
    assert api.refused("PATCH", f"{channel.path}/m", channel.change(EDIT)) == refusal
    assert api.refused("DELETE", f"{MESSAGES}/m", {}) == refusal


@pytest.mark.parametrize("body", [{"draft": True}, {"scheduledAt": LATER}, {}])
def test_a_message_is_deleted_in_any_status(api: Caller, channel: Channel, body: dict[str, Any]) -> None:
    api.post(channel.path, **channel.new, topics=["news"], **body)
    api.delete(f"{MESSAGES}/m")
    assert api.refused("GET", f"{MESSAGES}/m") == (404, "message_not_found")
