"""What became of each recipient, and what can still be done about it; beyond the reference."""

import pytest

from app.engine import dispatch, fanout
from app.engine.machine import Machine
from app.services.work import Workshop
from tests.api.caller import Caller
from tests.api.test_messages import EMAIL, MESSAGES, NEW


@pytest.fixture
def waiting(api: Caller, workshop: Workshop) -> Caller:
    """A message to three people that waits, because no provider is connected."""
    api.post("/messaging/topics", topicId="news", name="News")
    for name in ("ann", "ben", "cem"):
        made = api.post("/users", userId=name, name=name, email=f"{name}@example.org")
        api.post("/messaging/topics/news/subscribers", subscriberId=name, targetId=made["targets"][0]["$id"])
    api.post(EMAIL, **NEW, topics=["news"])
    shop = workshop
    machine = Machine(shop.settings, shop.database, shop.broker, shop.clock, shop.vault)
    fanout.expand(machine, 1)
    dispatch.drain(machine, 1)
    machine.close()
    return api


def test_every_recipient_is_listed_page_by_page(waiting: Caller) -> None:
    first = waiting.get(f"{MESSAGES}/m/deliveries", limit="2")
    assert (first["total"], [row["identifier"] for row in first["deliveries"]]) == (
        3, ["ann@example.org", "ben@example.org"],
    )  # fmt: skip
    second = waiting.get(f"{MESSAGES}/m/deliveries", limit="2", cursor=first["next"])
    assert ([row["identifier"] for row in second["deliveries"]], second["next"]) == (["cem@example.org"], None)


def test_recipients_are_filtered_by_state_and_address(waiting: Caller) -> None:
    assert len(waiting.get(f"{MESSAGES}/m/deliveries", state="queued")["deliveries"]) == 3
    assert waiting.get(f"{MESSAGES}/m/deliveries", state="failed")["deliveries"] == []
    assert len(waiting.get(f"{MESSAGES}/m/deliveries", search="ann")["deliveries"]) == 1
    for wrong in ({"state": "lost"}, {"limit": "0"}, {"cursor": "x"}, {"reason": "because"}, {"providerId": "_"}):
        assert waiting.refused("GET", f"{MESSAGES}/m/deliveries", query_string=wrong) == (
            400,
            "general_argument_invalid",
        )


def test_one_recipient_has_a_history(waiting: Caller) -> None:
    found = waiting.get(f"{MESSAGES}/m/deliveries")["deliveries"][0]
    story = waiting.get(f"{MESSAGES}/m/deliveries/{found['$id']}")
    assert (story["identifier"], story["userId"], story["history"]) == ("ann@example.org", "ann", [])
    assert waiting.refused("GET", f"{MESSAGES}/m/deliveries/999")[0] == 404
    assert waiting.refused("GET", f"{MESSAGES}/m/deliveries/x") == (400, "general_argument_invalid")


def test_a_message_on_its_way_is_paused_resumed_and_cancelled(waiting: Caller) -> None:
    assert waiting.post(f"{MESSAGES}/m/pause", 200)["status"] == "processing"
    assert waiting.post(f"{MESSAGES}/m/resume", 200)["status"] == "processing"
    assert waiting.refused("POST", f"{MESSAGES}/m/retry", {})[0] == 400
    assert waiting.post(f"{MESSAGES}/m/cancel", 200)["$id"] == "m"
    assert waiting.refused("POST", f"{MESSAGES}/m/retry", {})[0] == 400
    assert waiting.refused("POST", f"{MESSAGES}/no/cancel", {}) == (404, "message_not_found")


def test_a_message_to_nobody_fails_and_says_so(api: Caller, workshop: Workshop) -> None:
    api.post(EMAIL, **NEW, topics=["empty"])
    shop = workshop
    machine = Machine(shop.settings, shop.database, shop.broker, shop.clock, shop.vault)
    fanout.expand(machine, 1)
    machine.close()
    found = api.get(f"{MESSAGES}/m")
    assert (found["status"], found["deliveredTotal"], found["deliveredAt"]) == ("failed", 0, None)
    assert found["deliveryErrors"] == ["No valid recipients found."]


def test_a_message_on_its_way_is_deleted_when_no_worker_holds_it(waiting: Caller) -> None:
    waiting.delete(f"{MESSAGES}/m")
    assert waiting.refused("GET", f"{MESSAGES}/m/deliveries") == (404, "message_not_found")
