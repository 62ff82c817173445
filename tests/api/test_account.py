"""/account: making an account, and what whoever is signed in sees and changes."""

from typing import Any

import pytest
from flask import Flask

from tests.api.caller import Caller
from tests.api.people import PASSWORD, make_ann, make_ben, sign_in
from tests.conftest import FakeClock

NEW = {"userId": "unique()", "email": "New@Example.org", "password": PASSWORD, "name": "New"}


def test_a_guest_makes_an_account_and_is_not_signed_in_by_it(app: Flask, api: Caller) -> None:
    guest = Caller(app)
    made = guest.post("/account", **NEW)
    assert (made["email"], made["name"], made["status"]) == ("new@example.org", "New", True)
    assert made["accessedAt"] == made["passwordUpdate"] == made["registration"]
    assert [each["identifier"] for each in made["targets"]] == ["new@example.org"]
    assert {"password", "hash", "hashOptions"}.isdisjoint(made)
    assert guest.refused("GET", "/account") == (401, "general_unauthorized_scope")
    assert api.get(f"/users/{made['$id']}")["hash"] == "argon2"


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"userId": "ann"}, (409, "user_already_exists")),
        ({"email": "ann@example.org"}, (409, "user_already_exists")),
        ({"email": "x"}, (400, "general_argument_invalid")),
        ({"password": "short"}, (400, "general_argument_invalid")),
        ({"password": "x" * 257}, (400, "general_argument_invalid")),
        ({"password": None}, (400, "general_argument_invalid")),
        ({"userId": "_a"}, (400, "general_argument_invalid")),
    ],
)
def test_an_account_that_cannot_be_is_refused(
    app: Flask, api: Caller, change: dict[str, Any], expected: tuple[int, str]
) -> None:
    make_ann(api)
    assert Caller(app).refused("POST", "/account", NEW | change) == expected
    assert api.get("/users")["total"] == 1


def test_without_a_project_there_is_no_account_to_make(app: Flask) -> None:
    assert Caller(app, project="").refused("POST", "/account", NEW) == (401, "general_unauthorized_scope")


def test_name_and_preferences_are_ones_own(app: Flask, api: Caller) -> None:
    make_ann(api)
    ann = sign_in(app)
    assert ann.patch("/account/name", name="Anna")["name"] == "Anna"
    assert ann.call("GET", "/account/prefs").text == "{}"
    assert ann.patch("/account/prefs", prefs={"city": "Bonn"})["prefs"] == {"city": "Bonn"}
    assert ann.get("/account/prefs") == {"city": "Bonn"} == api.get("/users/ann/prefs")
    assert ann.refused("PATCH", "/account/prefs", {"prefs": {"No good": 1}}) == (400, "general_argument_invalid")


def test_a_new_address_needs_the_password_and_is_not_verified(app: Flask, api: Caller) -> None:
    make_ann(api), make_ben(api)
    api.patch("/users/ann/verification", emailVerification=True)
    ann = sign_in(app)
    wrong = {"email": "anna@example.org", "password": "not the password"}
    assert ann.refused("PATCH", "/account/email", wrong) == (401, "user_invalid_credentials")
    taken = {"email": "ben@example.org", "password": PASSWORD}
    assert ann.refused("PATCH", "/account/email", taken) == (409, "user_target_already_exists")
    changed = ann.patch("/account/email", email="anna@example.org", password=PASSWORD)
    assert (changed["email"], changed["emailVerification"]) == ("anna@example.org", False)
    assert ann.patch("/account/phone", phone="+4917012345678", password=PASSWORD)["phone"] == "+4917012345678"
    sign_in(app, "anna@example.org")
    old = {"email": "ann@example.org", "password": PASSWORD}
    assert Caller(app).refused("POST", "/account/sessions/email", old) == (401, "user_invalid_credentials")


def test_an_account_without_a_password_gets_the_first_it_is_given(app: Flask, api: Caller) -> None:
    api.post("/users", userId="ann", email="ann@example.org")
    ann = Caller(app)
    ann.headers["X-Appwrite-Session"] = api.post("/users/ann/sessions")["secret"]
    ann.patch("/account/email", email="anna@example.org", password=PASSWORD)
    sign_in(app, "anna@example.org")


def test_a_new_password_needs_the_old_one_and_ends_all_other_sessions(
    app: Flask, api: Caller, clock: FakeClock
) -> None:
    make_ann(api)
    ann, elsewhere = sign_in(app), sign_in(app)
    there, new = "/account/password", "another long password"
    assert ann.refused("PATCH", there, {"password": new}) == (401, "user_invalid_credentials")
    assert ann.refused("PATCH", there, {"password": new, "oldPassword": new}) == (401, "user_invalid_credentials")
    clock.move(60)
    changed = ann.patch(there, password=new, oldPassword=PASSWORD)
    assert changed["passwordUpdate"] == "2026-11-21T09:01:00.000+00:00"
    assert ann.get("/account")["$id"] == "ann"
    assert elsewhere.refused("GET", "/account") == (401, "general_unauthorized_scope")
    sign_in(app, password=new)


def test_whoever_blocks_the_own_account_is_out_until_a_program_lets_it_in(app: Flask, api: Caller) -> None:
    make_ann(api)
    ann, elsewhere = sign_in(app), sign_in(app)
    assert ann.patch("/account/status")["status"] is False
    assert ann.refused("GET", "/account") == (401, "general_unauthorized_scope")  # its cookies are gone
    assert elsewhere.refused("GET", "/account") == (403, "user_blocked")
    right = {"email": "ann@example.org", "password": PASSWORD}
    assert Caller(app).refused("POST", "/account/sessions/email", right) == (403, "user_blocked")
    wrong = right | {"password": "not the password"}
    assert Caller(app).refused("POST", "/account/sessions/email", wrong) == (401, "user_invalid_credentials")
    api.patch("/users/ann/status", status=True)
    assert elsewhere.get("/account")["$id"] == "ann"


def test_what_nobody_has_here_is_truly_empty(app: Flask, api: Caller) -> None:
    make_ann(api)
    ann = sign_in(app)
    assert ann.get("/account/identities") == {"total": 0, "identities": []}
    assert ann.get("/account/memberships") == {"total": 0, "memberships": []}
    assert set(ann.get("/account/mfa/factors").values()) == {False}
    assert ann.refused("DELETE", "/account/identities/x", {}) == (404, "user_identity_not_found")
    assert ann.refused("GET", "/account/identities", query_string={"queries[0]": "x"})[0] == 400


def test_the_log_of_an_account_tells_what_was_done_to_it(app: Flask, api: Caller) -> None:
    make_ann(api)
    ann = sign_in(app)
    ann.patch("/account/name", name="Anna")
    events = [(each["event"], each["userType"]) for each in ann.get("/account/logs")["logs"]]
    assert events == [("user.update", "user"), ("session.create", "user"), ("user.create", "app")]
    assert ann.get("/account/logs", '{"method":"limit","values":[1]}')["total"] == 3
    assert ann.get("/account/logs")["logs"][2]["userName"] == ""  # who made it is none of its business
    assert [each["event"] for each in api.get("/users/ann/logs")["logs"]] == [event for event, _ in events]


def test_a_key_has_no_account(app: Flask, api: Caller) -> None:
    assert api.refused("GET", "/account") == (401, "general_unauthorized_scope")
    body = {"targetId": "unique()", "identifier": "token"}
    assert api.refused("POST", "/account/targets/push", body) == (401, "user_unauthorized")
