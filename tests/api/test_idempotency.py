"""Idempotency-Key: the same request twice is done once, and answered twice."""

from flask import Flask

from tests.api.caller import Caller
from tests.api.conftest import MakeKey
from tests.conftest import FakeClock

TOPICS, ONCE = "/messaging/topics", {"Idempotency-Key": "once"}
BODY = {"topicId": "unique()", "name": "News"}


def test_the_second_request_gets_the_first_answer(api: Caller) -> None:
    first = api.call("POST", TOPICS, BODY, headers=ONCE)
    second = api.call("POST", TOPICS, BODY, headers=ONCE)
    assert (first.status_code, first.json) == (second.status_code, second.json)
    assert (first.headers.get("Idempotency-Replayed"), second.headers["Idempotency-Replayed"]) == (None, "true")
    assert api.get(TOPICS)["total"] == 1


def test_the_key_belongs_to_one_request(api: Caller) -> None:
    api.call("POST", TOPICS, BODY, headers=ONCE)
    assert api.refused("POST", TOPICS, BODY | {"name": "Other"}, headers=ONCE) == (400, "general_argument_invalid")
    form = {"topicId": "unique()", "name": "Third"}
    assert api.call("POST", TOPICS, data=form, headers=ONCE).status_code == 400


def test_a_refusal_is_not_kept(api: Caller) -> None:
    assert api.refused("POST", TOPICS, BODY | {"name": ""}, headers=ONCE)[0] == 400
    assert api.call("POST", TOPICS, BODY, headers=ONCE).status_code == 201


def test_a_key_is_forgotten_after_a_day_and_is_each_callers_own(
    app: Flask, api: Caller, make_key: MakeKey, clock: FakeClock
) -> None:
    api.call("POST", TOPICS, BODY, headers=ONCE)
    Caller(app, make_key()).call("POST", TOPICS, BODY, headers=ONCE)
    assert api.get(TOPICS)["total"] == 2
    clock.move(24 * 3600 + 1)
    api.call("POST", TOPICS, BODY, headers=ONCE)
    assert api.get(TOPICS)["total"] == 3


def test_a_key_that_cannot_be_is_refused(api: Caller) -> None:
    for key in ("x" * 256, "ü"):
        answer = api.refused("POST", TOPICS, BODY, headers={"Idempotency-Key": key})
        assert answer == (400, "general_argument_invalid")
