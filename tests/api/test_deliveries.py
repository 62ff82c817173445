"""What became of each recipient, and what can still be done about it; beyond the reference."""

import pytest

from app.engine import dispatch, fanout
from app.engine.machine import Machine
from app.services.work import Workshop
from tests.api.caller import Caller
from tests.api.test_messages import EMAIL, MESSAGES, NEW


@pytest.fixture
def lost(api: Caller, workshop: Workshop) -> Caller:
    """A message to two people, one of them suppressed in no way; nothing could be connected, so it waits."""
    api.post("/messaging/topics", topicId="news", name="News")
    for name in ("ann", "ben", "cem"):
        made = api.post("/users", userId=name, name=name, email=f"{name}@example.org")
        api.post("/messaging/topics/news/subscribers", subscriberId=name, targetId=made["targets"][0]["$id"])
    api.post(EMAIL, **NEW, topics=["news"])
    shop = workshop
    machine = Machine(shop.settings, shop.database, shop.broker, shop.clock, shop.vault)
    fanout.expand(machine, 1)
    dispatch.drain(machine, 1, 0) if hasattr(dispatch, "drain") else None
    machine.close()
    return api


def test_every_recipient_is_listed_page_by_page(lost: Caller) -> None:
    first = lost.get(f"{MESSAGES}/m/deliveries", limit="2")
    assert (first["total"], [row["identifier"] for row in first["deliveries"]]) == (
        3, ["ann@example.org", "ben@example.org"],
    )  # fmt: skip
    second = lost.get(f"{MESSAGES}/m/deliveries", limit="2", cursor=first["next"])
    assert ([row["identifier"] for row in second["deliveries"]], second["next"]) == (["cem@example.org"], None)


def test_recipients_are_filtered_by_state_and_address(lost: Caller) -> None:
    assert len(lost.get(f"{MESSAGES}/m/deliveries", state="queued")["deliveries"]) == 3
    assert lost.get(f"{MESSAGES}/m/deliveries", state="failed")["deliveries"] == []
    assert len(lost.get(f"{MESSAGES}/m/deliveries", search="ann")["deliveries"]) == 1
    for wrong in ({"state": "lost"}, {"limit": "0"}, {"cursor": "x"}, {"reason": "because"}, {"providerId": "_"}):
        assert lost.refused("GET", f"{MESSAGES}/m/deliveries", query_string=wrong) == (400, "general_argument_invalid")


def test_one_recipient_has_a_history(lost: Caller) -> None:
    found = lost.get(f"{MESSAGES}/m/deliveries")["deliveries"][0]
    story = lost.get(f"{MESSAGES}/m/deliveries/{found['$id']}")
    assert (story["identifier"], story["userId"], story["history"]) == ("ann@example.org", "ann", [])
    assert lost.refused("GET", f"{MESSAGES}/m/deliveries/999")[0] == 404
    assert lost.refused("GET", f"{MESSAGES}/m/deliveries/x") == (400, "general_argument_invalid")


def test_a_message_on_its_way_is_paused_resumed_and_cancelled(lost: Caller) -> None:
    assert lost.post(f"{MESSAGES}/m/pause", 200)["status"] == "processing"
    assert lost.post(f"{MESSAGES}/m/resume", 200)["status"] == "processing"
    assert lost.refused("POST", f"{MESSAGES}/m/retry", {})[0] == 400
    assert lost.post(f"{MESSAGES}/m/cancel", 200)["$id"] == "m"
    assert lost.refused("POST", f"{MESSAGES}/no/cancel", {}) == (404, "message_not_found")


def test_a_message_on_its_way_is_deleted_when_no_worker_holds_it(lost: Caller) -> None:
    lost.delete(f"{MESSAGES}/m")
    assert lost.refused("GET", f"{MESSAGES}/m/deliveries") == (404, "message_not_found")
