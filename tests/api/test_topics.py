"""Topics and subscribers over the API: fields, errors, counters."""

import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.api.caller import Caller

TOPICS = "/messaging/topics"


@pytest.fixture
def ann(api: Caller) -> dict[str, Any]:
    return api.post("/users", userId="ann", name="Ann", email="ann@example.org", phone="+4917012345678")


def test_a_new_topic_has_every_field(api: Caller) -> None:
    made = api.post(TOPICS, topicId="unique()", name="News")
    assert len(made.pop("$id")) == 20
    assert made == {
        "$createdAt": "2026-11-21T09:00:00.000+00:00", "$updatedAt": "2026-11-21T09:00:00.000+00:00", "name": "News",
        "description": "", "emailTotal": 0, "smsTotal": 0, "pushTotal": 0, "subscribe": ["users"], "qos": None,
        "expiry": None,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({}, 'Param "topicId" is not optional.'),
        ({"topicId": None, "name": "a"}, "Invalid `topicId` param: "),
        ({"topicId": "_a", "name": "a"}, "Invalid `topicId` param: "),
        ({"topicId": "a"}, 'Param "name" is not optional.'),
        ({"topicId": "a", "name": ""}, "Invalid `name` param: "),
        ({"topicId": "a", "name": 5}, "Invalid `name` param: "),
        ({"topicId": "a", "name": "x" * 129}, "Invalid `name` param: "),
        ({"topicId": "a", "name": "two\nlines"}, "Invalid `name` param: "),
        ({"topicId": "a", "name": "\ud800"}, "Invalid `name` param: "),
        ({"topicId": "a", "name": "a", "subscribe": "any"}, "Invalid `subscribe` param: "),
        ({"topicId": "a", "name": "a", "subscribe": ["role:any"]}, "Invalid `subscribe` param: "),
        ({"topicId": "a", "name": "a", "subscribe": ["any"] * 101}, "Invalid `subscribe` param: "),
    ],
)
def test_a_wrong_parameter_is_named(api: Caller, body: dict[str, Any], sentence: str) -> None:
    answer = api.call("POST", TOPICS, body)
    assert (answer.status_code, answer.json["type"]) == (400, "general_argument_invalid")
    assert answer.json["message"].startswith(sentence)
    assert api.get(TOPICS)["total"] == 0


def test_null_on_an_optional_parameter_is_not_given(api: Caller) -> None:
    assert api.post(TOPICS, topicId="a", name="A", subscribe=None)["subscribe"] == ["users"]
    assert api.patch(TOPICS + "/a", name=None, subscribe=None)["name"] == "A"


def test_an_id_in_use_is_a_conflict(api: Caller) -> None:
    api.post(TOPICS, topicId="a", name="A")
    assert api.refused("POST", TOPICS, {"topicId": "a", "name": "B"}) == (409, "topic_already_exists")


def test_update_changes_what_is_named(api: Caller) -> None:
    api.post(TOPICS, topicId="a", name="A", description="First")
    changed = api.patch(TOPICS + "/a", subscribe=[])
    assert (changed["name"], changed["description"], changed["subscribe"]) == ("A", "First", [])


@pytest.mark.parametrize(("method", "body"), [("GET", None), ("PATCH", {"name": "B"}), ("DELETE", {})])
def test_a_topic_that_is_not_there_is_not_found(api: Caller, method: str, body: Any) -> None:
    assert api.refused(method, TOPICS + "/none", body) == (404, "topic_not_found")


def test_subscribing_counts_by_type(api: Caller, ann: dict[str, Any]) -> None:
    api.post(TOPICS, topicId="news", name="News")
    for target in ann["targets"]:
        made = api.post(TOPICS + "/news/subscribers", subscriberId="unique()", targetId=target["$id"])
        assert made["target"] == target
        assert (made["userId"], made["userName"], made["topicId"]) == ("ann", "Ann", "news")
    topic = api.get(TOPICS + "/news")
    assert (topic["emailTotal"], topic["smsTotal"], topic["pushTotal"]) == (1, 1, 0)
    listed = api.get(TOPICS + "/news/subscribers")
    assert (listed["total"], len(listed["subscribers"])) == (2, 2)
    api.delete(f"{TOPICS}/news/subscribers/{made['$id']}")
    assert api.get(TOPICS + "/news")["smsTotal"] == 0


def test_subscribing_refuses_in_the_contracts_order(api: Caller, ann: dict[str, Any]) -> None:
    api.post(TOPICS, topicId="news", name="News")
    there, body = TOPICS + "/news/subscribers", {"subscriberId": "s", "targetId": ann["targets"][0]["$id"]}
    assert api.refused("POST", TOPICS + "/no/subscribers", body) == (404, "topic_not_found")
    assert api.refused("POST", there, body | {"targetId": "no"}) == (404, "user_target_not_found")
    api.post(there, **body)
    assert api.refused("POST", there, body | {"subscriberId": "t"}) == (409, "subscriber_already_exists")
    api.post(TOPICS, topicId="more", name="More")
    elsewhere = TOPICS + "/more/subscribers"  # an id is the project's, not the topic's
    assert api.refused("POST", elsewhere, body) == (409, "subscriber_already_exists")
    assert api.get(elsewhere)["total"] == 0
    assert api.refused("GET", there + "/no") == (404, "subscriber_not_found")
    assert api.refused("DELETE", there + "/no", {}) == (404, "subscriber_not_found")


def test_subscribers_are_filtered_and_searched_by_their_target(api: Caller, ann: dict[str, Any]) -> None:
    api.post(TOPICS, topicId="news", name="News")
    for target in ann["targets"]:
        api.post(TOPICS + "/news/subscribers", subscriberId=target["providerType"], targetId=target["$id"])
    there = TOPICS + "/news/subscribers"
    only = json.dumps({"method": "equal", "attribute": "providerType", "values": ["sms"]})
    assert [row["$id"] for row in api.get(there, only)["subscribers"]] == ["sms"]
    assert api.get(there, search="ann email")["total"] == 1
    assert api.get(there, search="!!!") == {"total": 0, "subscribers": []}


def test_subscribers_of_one_moment_are_counted_once_each_and_a_refusal_is_its_own(
    api: Caller, make_key: Callable[..., str]
) -> None:
    """Requests of one moment share a commit: what one is refused for undoes nothing of the others."""
    api.post(TOPICS, topicId="news", name="News")
    for number in range(6):
        api.post("/users", userId=f"u{number}", name="U", email=f"u{number}@example.org")
    targets = [user["targets"][0]["$id"] for user in api.get("/users")["users"]]
    asked = [(f"s{number}", target) for number, target in enumerate(targets)]
    asked += [("s0", "nobody"), ("s90", "nobody"), ("s91", targets[0])]
    programs, key = threading.Barrier(len(asked)), make_key()

    def subscribe(about: tuple[str, str]) -> tuple[int, str]:
        program = Caller(api.app, key)
        programs.wait(30)
        body = {"subscriberId": about[0], "targetId": about[1]}
        again = {"Idempotency-Key": f"{about}"}
        answers = [program.call("POST", f"{TOPICS}/news/subscribers", body, headers=again) for _ in range(2)]
        assert answers[0].json == answers[1].json
        assert (answers[1].headers.get("Idempotency-Replayed") == "true") is (answers[0].status_code == 201)
        found = answers[0].json or {}
        return answers[0].status_code, found.get("targetId", "") or found["type"]

    with ThreadPoolExecutor(len(asked)) as threads:
        answers = list(threads.map(subscribe, asked))
    made = [target for status, target in answers if status == 201]
    assert sorted(made) == sorted(targets)
    assert sorted(answer for answer in answers if answer[0] != 201) == [
        (404, "user_target_not_found"), (404, "user_target_not_found"), (409, "subscriber_already_exists"),
    ]  # fmt: skip
    assert api.get(f"{TOPICS}/news")["emailTotal"] == len(targets)
    assert api.get(f"{TOPICS}/news/subscribers")["total"] == len(targets)
