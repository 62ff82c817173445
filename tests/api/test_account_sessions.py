"""/account/sessions and /account/jwts: signing in and out, over every way that a session travels."""

import json
from http.cookies import SimpleCookie

import jwt
import pytest
from flask import Flask

from app.api.credentials import decode, encode
from app.factory import create_app
from app.services.work import Workshop
from tests.api.caller import Caller
from tests.api.people import PASSWORD, make_ann, make_ben, sign_in, without_session
from tests.conftest import FakeClock

THERE = "/account/sessions/email"
RIGHT = {"email": "ann@example.org", "password": PASSWORD}
OUT = (401, "general_unauthorized_scope")
PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.0 Mobile/15E148 Safari/604.1"  # noqa: E501


def test_signing_in_begins_a_session_of_a_year(app: Flask, api: Caller) -> None:
    make_ann(api)
    answer = Caller(app).call("POST", THERE, RIGHT, headers={"User-Agent": PHONE})
    made = answer.json
    assert answer.status_code == 201
    assert (made["userId"], made["provider"], made["providerUid"]) == ("ann", "email", "ann@example.org")
    assert (made["current"], made["factors"], made["secret"]) == (True, ["password"], "")
    assert made["expire"] == "2027-11-21T09:00:00.000+00:00"
    assert (made["osName"], made["clientName"], made["deviceBrand"]) == ("iOS", "Mobile Safari", "Apple")
    assert (made["ip"], made["countryCode"]) == ("127.0.0.1", "--")


def test_a_session_lives_as_long_as_was_asked_for(app: Flask, api: Caller, clock: FakeClock) -> None:
    make_ann(api)
    ann = sign_in(app, duration=60)
    clock.move(59)
    assert ann.get("/account")["$id"] == "ann"
    assert ann.patch("/account/sessions/current")["expire"] == "2026-11-21T09:01:59.000+00:00"
    clock.move(59)
    assert ann.get("/account/sessions")["total"] == 1
    clock.move(1)
    assert ann.refused("GET", "/account") == OUT
    assert api.get("/users/ann/sessions") == {"total": 0, "sessions": []}


@pytest.mark.parametrize("duration", [59, 31_536_001, "x", 0])
def test_a_session_is_neither_too_short_nor_too_long(app: Flask, api: Caller, duration: object) -> None:
    make_ann(api)
    assert Caller(app).refused("POST", THERE, RIGHT | {"duration": duration}) == (400, "general_argument_invalid")


@pytest.mark.parametrize("email", ["ann@example.org", "nobody@example.org", "second@example.org"])
def test_a_wrong_sign_in_tells_nothing_about_who_exists(app: Flask, api: Caller, email: str) -> None:
    make_ann(api)
    api.post("/users/ann/targets", targetId="t", providerType="email", identifier="second@example.org")
    answer = Caller(app).call("POST", THERE, {"email": email, "password": "not the password"})
    assert (answer.status_code, answer.json["type"]) == (401, "user_invalid_credentials")
    assert answer.json["message"] == "Email and password do not belong together. Check both."


def test_only_the_main_address_signs_in(app: Flask, api: Caller) -> None:
    make_ann(api)
    api.post("/users/ann/targets", targetId="t", providerType="email", identifier="second@example.org")
    second = RIGHT | {"email": "second@example.org"}
    assert Caller(app).refused("POST", THERE, second) == (401, "user_invalid_credentials")


def test_an_address_is_written_in_any_case(app: Flask, api: Caller) -> None:
    make_ann(api)
    assert sign_in(app, " ANN@Example.org").get("/account")["$id"] == "ann"


def test_whoever_is_signed_in_does_not_sign_in_again(app: Flask, api: Caller) -> None:
    make_ann(api)
    assert sign_in(app).refused("POST", THERE, RIGHT) == (401, "user_session_already_exists")


def test_the_old_address_of_the_call_works_too(app: Flask, api: Caller) -> None:
    make_ann(api)
    assert Caller(app).post("/account/sessions", **RIGHT)["userId"] == "ann"


def test_a_program_gets_the_secret_and_passes_it_on(app: Flask, api: Caller) -> None:
    make_ann(api)
    secret = api.post(THERE, **RIGHT)["secret"]
    assert [len(part) for part in decode(secret)] == [3, 256]
    assert without_session(app, X_Appwrite_Session=secret).get("/account")["$id"] == "ann"


def test_a_session_travels_in_cookies_and_in_headers(app: Flask, api: Caller) -> None:
    make_ann(api)
    answer = Caller(app).call("POST", THERE, RIGHT)
    cookies = SimpleCookie("; ".join(answer.headers.getlist("Set-Cookie")))
    value = cookies["a_session_default"].value
    assert value == cookies["a_session_default_legacy"].value
    assert all(text in answer.headers.getlist("Set-Cookie")[0] for text in ("HttpOnly", "Path=/", "SameSite=Lax"))
    assert json.loads(answer.headers["X-Fallback-Cookies"]) == {"a_session_default": value}
    assert decode(value)[0] == "ann"
    for headers in (
        {"Cookie": f"a_session_default={value}"}, {"Cookie": f"a_session_default_legacy={value}"},
        {"Cookie": f"a_session_default=x; a_session_default_legacy={value}"}, {"X_Appwrite_Session": value},
        {"X_Fallback_Cookies": json.dumps({"a_session_default": value})},
        {"X_Fallback_Cookies": json.dumps({"a_session_default_legacy": value})},
    ):  # fmt: skip
        assert without_session(app, **headers).get("/account")["$id"] == "ann"


def test_a_page_of_this_very_host_is_not_handed_the_session_in_a_header(app: Flask, api: Caller) -> None:
    make_ann(api)
    answer = Caller(app).call("POST", THERE, RIGHT, headers={"Origin": "http://localhost:3000"})
    assert answer.status_code == 201
    assert "X-Fallback-Cookies" not in answer.headers


def test_cookies_are_secure_where_the_address_is(workshop: Workshop, make_key: object) -> None:
    secure = workshop.settings.but({"public_url": "https://carillon.example.org"})
    shop = Workshop(secure, workshop.database, workshop.broker, workshop.clock, workshop.vault)
    app = create_app(secure, workshop=shop)
    make_ann(Caller(app, make_key()))  # type: ignore[operator]
    answer = Caller(app).call("POST", THERE, RIGHT)
    assert all("Secure" in cookie for cookie in answer.headers.getlist("Set-Cookie"))


@pytest.mark.parametrize(
    "value",
    ["", "x", "é", "e30=", encode("ann", "0" * 256), encode("ann", "x"), encode("../x", "0" * 256), "W10=", "bnVsbA==",
     encode("ben", "0" * 256), "eyJpZCI6IHt9LCAic2VjcmV0IjogW119", "A" * 5_000],
)  # fmt: skip
def test_a_session_that_opens_nothing_makes_a_guest(app: Flask, api: Caller, value: str) -> None:
    make_ann(api)
    kept = json.dumps({"a_session_default": value})
    assert without_session(app, X_Appwrite_Session=value, X_Fallback_Cookies=kept).refused("GET", "/account") == OUT
    for kept in ("[", "[]", "5", '{"a_session_default": 5}', "{" * 3_000):
        assert without_session(app, X_Fallback_Cookies=kept).refused("GET", "/account") == OUT


def test_a_session_belongs_to_its_own_user_and_project(app: Flask, api: Caller, workshop: Workshop) -> None:
    from app.models.projects import Project  # noqa: PLC0415

    with workshop.database.begin() as session:
        now = workshop.clock.now()
        session.add(Project(id="other", name="Other", created_at=now, updated_at=now))
    make_ann(api), make_ben(api)
    shown = api.post("/users/ann/sessions")["secret"]
    _, secret = decode(shown)
    assert without_session(app, X_Appwrite_Session=encode("ben", secret)).refused("GET", "/account") == OUT
    stranger = without_session(app, X_Appwrite_Session=shown, X_Appwrite_Project="other")
    assert stranger.refused("GET", "/account") == OUT


def test_sessions_are_listed_found_and_ended_one_by_one(app: Flask, api: Caller) -> None:
    make_ann(api)
    first, second = sign_in(app), sign_in(app)
    listed = second.get("/account/sessions")
    assert (listed["total"], [each["current"] for each in listed["sessions"]]) == (2, [True, False])
    assert second.get("/account/sessions/current") == listed["sessions"][0]
    other = listed["sessions"][1]["$id"]
    assert second.get(f"/account/sessions/{other}")["current"] is False
    second.delete(f"/account/sessions/{other}")
    assert first.refused("GET", "/account") == OUT
    for method in ("GET", "PATCH", "DELETE"):
        body = {} if method != "GET" else None
        assert second.refused(method, f"/account/sessions/{other}", body) == (404, "user_session_not_found")
    second.delete("/account/sessions/current")
    assert second.refused("GET", "/account") == OUT


def test_another_users_session_is_not_found(app: Flask, api: Caller) -> None:
    make_ann(api), make_ben(api)
    theirs = api.post("/users/ben/sessions")["$id"]
    assert sign_in(app).refused("DELETE", f"/account/sessions/{theirs}", {}) == (404, "user_session_not_found")
    assert api.get("/users/ben/sessions")["total"] == 1


def test_all_sessions_end_at_once_or_all_but_this_one(app: Flask, api: Caller) -> None:
    make_ann(api)
    callers = [sign_in(app) for _ in range(3)]
    answer = callers[0].call("DELETE", "/account/sessions", {"current": False})
    assert answer.status_code == 204
    assert "Set-Cookie" not in answer.headers
    assert callers[0].get("/account/sessions")["total"] == 1
    assert callers[1].refused("GET", "/account") == OUT
    callers[0].delete("/account/sessions")
    assert callers[0].refused("GET", "/account") == OUT


def test_the_oldest_of_eleven_sessions_ends(app: Flask, api: Caller) -> None:
    make_ann(api)
    ids = [api.post("/users/ann/sessions")["$id"] for _ in range(11)]
    listed = api.get("/users/ann/sessions")
    assert [each["$id"] for each in listed["sessions"]] == ids[:0:-1]


def test_a_token_stands_for_its_session_and_dies_with_it(app: Flask, api: Caller, clock: FakeClock) -> None:
    make_ann(api)
    ann = sign_in(app)
    token = ann.post("/account/jwts")["jwt"]
    claims = jwt.decode(token, options={"verify_signature": False})
    assert claims == {
        "userId": "ann", "sessionId": ann.get("/account/sessions/current")["$id"],
        "exp": int(clock.now().timestamp()) + 900,
    }  # fmt: skip
    bearer = without_session(app, X_Appwrite_JWT=token)
    assert bearer.get("/account")["$id"] == "ann"
    assert bearer.refused("POST", "/account/jwts", {}) == (403, "user_jwt_creation_denied")
    assert bearer.get("/account/sessions/current")["current"] is True
    ann.delete("/account/sessions/current")
    assert bearer.refused("GET", "/account") == OUT


def test_a_token_ends_when_it_was_made_to(app: Flask, api: Caller, clock: FakeClock) -> None:
    make_ann(api)
    token = sign_in(app).post("/account/jwt", duration=10)["jwt"]
    bearer = without_session(app, X_Appwrite_JWT=token)
    clock.move(9)
    assert bearer.get("/account")["$id"] == "ann"
    clock.move(1)
    answer = bearer.call("GET", "/account")
    assert (answer.status_code, answer.json["type"]) == (401, "user_jwt_invalid")
    assert answer.json["message"] == "Failed to verify JWT: it is too old. Make a new one."


@pytest.mark.parametrize("duration", [0, 3_601, -1, "x"])
def test_a_token_lives_for_a_second_to_an_hour(app: Flask, api: Caller, duration: object) -> None:
    make_ann(api)
    assert sign_in(app).refused("POST", "/account/jwts", {"duration": duration}) == (400, "general_argument_invalid")
    there = "/users/ann/jwts"
    assert api.refused("POST", there, {"duration": duration}) == (400, "general_argument_invalid")


def test_an_answer_with_a_secret_is_never_kept(app: Flask, api: Caller) -> None:
    make_ann(api)
    for path, body in (("/users/ann/sessions", {}), ("/users/ann/jwts", {}), (THERE, RIGHT)):
        refused = api.refused("POST", path, body, headers={"Idempotency-Key": "again"})
        assert refused == (400, "general_argument_invalid")
    assert api.get("/users/ann/sessions")["total"] == 0
