"""/users/…: passwords, status, labels, verification, sessions and tokens that programs see to."""

from typing import Any

import jwt
import pytest
from flask import Flask

from tests.api.caller import Caller
from tests.api.conftest import MakeKey
from tests.api.people import make_ann, make_ben, sign_in, without_session
from tests.conftest import FakeClock

OUT = (401, "general_unauthorized_scope")


@pytest.mark.usefixtures("full_password_costs")
def test_a_hash_is_shown_to_keys_that_may_write_users(app: Flask, api: Caller, make_key: MakeKey) -> None:
    made = make_ann(api)
    assert made["password"].startswith("$argon2id$")
    assert made["hashOptions"] == {"type": "argon2", "memoryCost": 19456, "timeCost": 2, "threads": 1}
    reader = Caller(app, make_key("users.read"))
    for seen in (reader.get("/users/ann"), reader.get("/users")["users"][0]):
        assert (seen["password"], seen["hash"], seen["hashOptions"]) == (None, "argon2", None)


def test_a_user_without_a_password_has_no_hash(api: Caller) -> None:
    made = api.post("/users", userId="ann", email="ann@example.org", password=None)
    assert (made["password"], made["hash"], made["hashOptions"], made["passwordUpdate"]) == (None, None, None, "")


@pytest.mark.parametrize("password", ["", "short", "x" * 257, 5])
def test_a_password_that_cannot_be_is_refused(api: Caller, password: object) -> None:
    body = {"userId": "ann", "email": "ann@example.org", "password": password}
    assert api.refused("POST", "/users", body) == (400, "general_argument_invalid")
    assert api.get("/users")["total"] == 0


def test_a_password_is_set_and_taken_away_and_ends_sessions(app: Flask, api: Caller, clock: FakeClock) -> None:
    make_ann(api)
    ann = sign_in(app)
    clock.move(1)
    assert api.patch("/users/ann/password", password="a new long one")["passwordUpdate"].startswith(
        "2026-11-21T09:00:01"
    )
    assert ann.refused("GET", "/account") == OUT
    sign_in(app, password="a new long one")
    gone = api.patch("/users/ann/password", password="")
    assert (gone["password"], gone["hash"]) == (None, None)
    body = {"email": "ann@example.org", "password": "a new long one"}
    assert Caller(app).refused("POST", "/account/sessions/email", body) == (401, "user_invalid_credentials")
    for path in ("password", "status", "verification", "verification/phone"):
        body = {"password": "", "status": True, "emailVerification": True, "phoneVerification": True}
        assert api.refused("PATCH", f"/users/nobody/{path}", body) == (404, "user_not_found")


def test_a_blocked_user_cannot_sign_in_and_is_written_to_all_the_same(app: Flask, api: Caller) -> None:
    made = make_ann(api)
    ann = sign_in(app)
    assert api.patch("/users/ann/status", status="false")["status"] is False
    for method, path in (("GET", "/account"), ("DELETE", "/account/sessions/current"), ("POST", "/account")):
        assert ann.refused(method, path, {} if method != "GET" else None) == (403, "user_blocked")
    api.post("/messaging/topics", topicId="news", name="News")
    target = made["targets"][0]["$id"]
    assert api.post("/messaging/topics/news/subscribers", subscriberId="s", targetId=target)["userId"] == "ann"
    api.patch("/users/ann/status", status=1)
    assert ann.get("/account")["status"] is True


def test_labels_are_replaced_and_count_once(api: Caller) -> None:
    make_ann(api)
    answer = api.call("PUT", "/users/ann/labels", {"labels": ["vip", "beta", "vip"]})
    assert answer.json["labels"] == ["vip", "beta"]
    for wrong in (["a b"], [""], ["x" * 37], "vip", None, [5], ["a"] * 1_001, ["a\n"]):
        assert api.refused("PUT", "/users/ann/labels", {"labels": wrong}) == (400, "general_argument_invalid")
    assert api.call("PUT", "/users/ann/labels", {"labels": []}).json["labels"] == []


def test_verification_holds_until_the_address_changes(api: Caller) -> None:
    api.post("/users", userId="ann", email="ann@example.org", phone="+4917012345678")
    assert api.patch("/users/ann/verification", emailVerification=True)["emailVerification"] is True
    assert api.patch("/users/ann/verification/phone", phoneVerification=True)["phoneVerification"] is True
    changed = api.patch("/users/ann/email", email="anna@example.org")
    assert (changed["emailVerification"], changed["phoneVerification"]) == (False, True)
    assert api.patch("/users/ann/phone", number="")["phoneVerification"] is False
    for wrong in ("true", 1, None):
        body = {"emailVerification": wrong}
        assert api.refused("PATCH", "/users/ann/verification", body) == (400, "general_argument_invalid")


def test_verification_goes_with_a_target_that_is_changed_as_such(api: Caller) -> None:
    target = make_ann(api)["targets"][0]["$id"]
    api.patch("/users/ann/verification", emailVerification=True)
    api.patch(f"/users/ann/targets/{target}", name="Home")
    assert api.get("/users/ann")["emailVerification"] is True
    api.patch(f"/users/ann/targets/{target}", identifier="anna@example.org")
    assert api.get("/users/ann")["emailVerification"] is False


def test_a_program_signs_a_user_in_without_its_password(app: Flask, api: Caller) -> None:
    make_ann(api)
    made = api.post("/users/ann/sessions")
    assert (made["provider"], made["factors"]) == ("server", ["server"])
    assert without_session(app, X_Appwrite_Session=made["secret"]).get("/account")["$id"] == "ann"
    listed = api.get("/users/ann/sessions")["sessions"]
    assert [(each["$id"], each["secret"], each["current"]) for each in listed] == [(made["$id"], "", False)]
    assert api.refused("POST", "/users/nobody/sessions", {}) == (404, "user_not_found")


def test_a_program_ends_sessions(app: Flask, api: Caller) -> None:
    make_ann(api), make_ben(api)
    first = api.post("/users/ann/sessions")["$id"]
    assert api.refused("DELETE", f"/users/ben/sessions/{first}", {}) == (404, "user_session_not_found")
    api.delete(f"/users/ann/sessions/{first}")
    assert api.refused("DELETE", f"/users/ann/sessions/{first}", {}) == (404, "user_session_not_found")
    ann = sign_in(app)
    api.delete("/users/ann/sessions")
    assert ann.refused("GET", "/account") == OUT


def test_a_program_makes_tokens_with_and_without_a_session(app: Flask, api: Caller, clock: FakeClock) -> None:
    make_ann(api)
    free = api.post("/users/ann/jwts")["jwt"]
    assert _claims(free)["sessionId"] == ""
    older, newer = (api.post("/users/ann/sessions")["$id"] for _ in range(2))
    assert _claims(api.post("/users/ann/jwts")["jwt"])["sessionId"] == newer
    bound = api.post("/users/ann/jwts", sessionId=older, duration=3600)["jwt"]
    assert _claims(bound)["sessionId"] == older
    assert api.refused("POST", "/users/ann/jwts", {"sessionId": "x"}) == (404, "user_session_not_found")
    api.delete("/users/ann/sessions")
    assert without_session(app, X_Appwrite_JWT=bound).refused("GET", "/account") == OUT
    bearer = without_session(app, X_Appwrite_JWT=free)
    assert bearer.get("/account")["$id"] == "ann"
    assert bearer.refused("GET", "/account/sessions/current") == (404, "user_session_not_found")
    api.delete("/users/ann")
    assert bearer.refused("GET", "/account") == OUT


def _claims(token: str) -> Any:
    return jwt.decode(token, options={"verify_signature": False})


def test_a_user_takes_its_sessions_along(app: Flask, api: Caller) -> None:
    make_ann(api)
    ann = sign_in(app)
    ann.post("/account/targets/push", targetId="phone", identifier="token")
    api.delete("/users/ann")
    assert ann.refused("GET", "/account") == OUT


def test_what_nobody_has_here_is_truly_empty(api: Caller) -> None:
    make_ann(api)
    assert api.get("/users/ann/memberships") == {"total": 0, "memberships": []}
    assert set(api.get("/users/ann/mfa/factors").values()) == {False}
    assert api.get("/users/identities") == {"total": 0, "identities": []}
    assert api.refused("DELETE", "/users/identities/x", {}) == (404, "user_identity_not_found")
    assert api.refused("GET", "/users/nobody/logs") == (404, "user_not_found")
    assert api.refused("GET", "/users/nobody/memberships") == (404, "user_not_found")


def test_users_are_found_by_what_their_account_says(api: Caller, clock: FakeClock) -> None:
    make_ann(api), api.post("/users", userId="cleo")
    clock.move(60)
    make_ben(api)
    api.patch("/users/ben/status", status=False)
    api.patch("/users/ann/verification", emailVerification=True)
    api.call("PUT", "/users/ann/labels", {"labels": ["vip", "beta"]})
    for query, expected in (
        ('{"method":"equal","attribute":"status","values":[false]}', ["ben"]),
        ('{"method":"equal","attribute":"emailVerification","values":[true]}', ["ann"]),
        ('{"method":"equal","attribute":"phoneVerification","values":[true]}', []),
        ('{"method":"contains","attribute":"labels","values":["vip"]}', ["ann"]),
        ('{"method":"contains","attribute":"labels","values":["vi"]}', []),
        ('{"method":"isNull","attribute":"passwordUpdate"}', ["cleo"]),
        ('{"method":"greaterThan","attribute":"passwordUpdate","values":["2026-11-21T09:00:30Z"]}', ["ben"]),
        ('{"method":"isNull","attribute":"accessedAt"}', ["ann", "cleo", "ben"]),
        ('{"method":"equal","attribute":"impersonator","values":[true]}', []),
        ('{"method":"isNull","attribute":"passwordPwned"}', ["ann", "cleo", "ben"]),
        ('{"method":"orderDesc","attribute":"status"}', ["ann", "cleo", "ben"]),
    ):
        assert [each["$id"] for each in api.get("/users", query)["users"]] == expected, query
