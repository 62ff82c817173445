"""How often somebody without a key may ask (contract, 3.6), and what the headers say of it."""

import pytest
from flask import Flask

from app.factory import create_app
from app.infra.broker import Broker
from app.services.work import Workshop
from tests.api.caller import Caller
from tests.api.people import PASSWORD, make_ann, make_ben, sign_in

WRONG = {"email": "ann@example.org", "password": "not the password"}
THERE = "/account/sessions/email"


def test_ten_wrong_sign_ins_an_hour_are_enough(app: Flask, api: Caller, workshop: Workshop) -> None:
    make_ann(api), make_ben(api)
    guest = Caller(app)
    left = []
    for _ in range(10):
        answer = guest.call("POST", THERE, WRONG)
        assert (answer.status_code, answer.headers["X-RateLimit-Limit"]) == (401, "10")
        left.append(int(answer.headers["X-RateLimit-Remaining"]))
    assert left == list(range(9, -1, -1))
    refused = guest.call("POST", "/account/sessions", WRONG | {"password": PASSWORD, "email": "ANN@example.org "})
    assert (refused.status_code, refused.json["type"]) == (429, "general_rate_limit_exceeded")
    assert 0 < int(refused.headers["Retry-After"]) <= 3600
    wait = int(refused.headers["X-RateLimit-Reset"]) - int(workshop.clock.now().timestamp())
    assert 0 < wait <= 3600
    assert refused.headers["X-RateLimit-Remaining"] == "0"
    assert sign_in(app, "ben@example.org").get("/account")["$id"] == "ben"  # another address is counted apart


def test_a_good_sign_in_begins_the_count_anew(app: Flask, api: Caller) -> None:
    make_ann(api)
    for _ in range(9):
        Caller(app).call("POST", THERE, WRONG)
    sign_in(app)
    assert Caller(app).call("POST", THERE, WRONG).headers["X-RateLimit-Remaining"] == "9"


def test_all_web_processes_count_together(app: Flask, api: Caller, workshop: Workshop) -> None:
    make_ann(api)
    other = create_app(workshop.settings, workshop=workshop)
    Caller(app).call("POST", THERE, WRONG)
    assert Caller(other).call("POST", THERE, WRONG).headers["X-RateLimit-Remaining"] == "8"


def test_what_is_refused_for_its_parameters_is_counted_too(app: Flask) -> None:
    for body in ({}, {"email": 5}, {"email": ["x"]}, {"email": None}, {"email": "\ud800"}):
        answer = Caller(app).call("POST", THERE, body)
        assert (answer.status_code, answer.headers["X-RateLimit-Limit"]) == (400, "10")


def test_accounts_are_counted_by_address_of_the_network(app: Flask) -> None:
    for number in range(11):
        body = {"userId": "unique()", "email": f"n{number}@example.org", "password": PASSWORD}
        status = Caller(app).call("POST", "/account", body).status_code
    assert status == 429
    elsewhere = Caller(app).call("POST", "/account", {}, environ_base={"REMOTE_ADDR": "192.0.2.7"})
    assert (elsewhere.status_code, elsewhere.headers["X-RateLimit-Remaining"]) == (400, "9")


def test_nobody_gets_a_count_for_each_of_the_addresses_of_one_connection(app: Flask) -> None:
    left = [
        Caller(app).call("POST", "/account", {}, environ_base={"REMOTE_ADDR": f"2001:db8::{number}"}).headers
        for number in (1, 2, 3)
    ]
    assert [each["X-RateLimit-Remaining"] for each in left] == ["9", "8", "7"]


def test_tokens_are_counted_by_user(app: Flask, api: Caller) -> None:
    make_ann(api), make_ben(api)
    ann = sign_in(app)
    first = ann.call("POST", "/account/jwts", {})
    assert (first.headers["X-RateLimit-Limit"], first.headers["X-RateLimit-Remaining"]) == ("120", "119")
    assert ann.call("POST", "/account/jwt", {}).headers["X-RateLimit-Remaining"] == "118"
    other = sign_in(app, "ben@example.org").call("POST", "/account/jwts", {})
    assert other.headers["X-RateLimit-Remaining"] == "119"


def test_whoever_holds_a_session_does_not_guess_the_password(app: Flask, api: Caller) -> None:
    make_ann(api)
    ann = sign_in(app)
    for _ in range(10):
        ann.call("PATCH", "/account/password", {"password": "a new long one", "oldPassword": "not the one"})
    body = {"password": PASSWORD, "email": "x@example.org"}
    assert ann.refused("PATCH", "/account/email", body) == (429, "general_rate_limit_exceeded")


@pytest.mark.parametrize("path", ["/account/sessions/current", "/account/sessions"])
def test_signing_out_says_how_often_it_may_be_done(app: Flask, api: Caller, path: str) -> None:
    make_ann(api)
    assert sign_in(app).call("DELETE", path, {}).headers["X-RateLimit-Remaining"] == "99"


def test_programs_are_not_counted(api: Caller) -> None:
    for _ in range(11):
        answer = api.call("POST", THERE, WRONG)
        assert answer.status_code == 401
        assert "X-RateLimit-Limit" not in answer.headers


def test_without_the_queues_server_the_api_answers_still(workshop: Workshop, make_key: object) -> None:
    away = Broker("unix:///nowhere/valkey.sock")
    shop = Workshop(workshop.settings, workshop.database, away, workshop.clock, workshop.vault)
    app = create_app(workshop.settings, workshop=shop)
    make_ann(Caller(app, make_key()))  # type: ignore[operator]
    for _ in range(12):
        answer = Caller(app).call("POST", THERE, WRONG)
        assert answer.status_code == 401
        assert "X-RateLimit-Limit" not in answer.headers
    away.close()
