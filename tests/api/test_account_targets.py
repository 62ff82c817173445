"""Push targets that a user registers for its device, and topics that it subscribes them to."""

import json

import pytest
from flask import Flask

from tests.api.caller import Caller
from tests.api.people import make_ann, make_ben, sign_in, without_session
from tests.api.test_account_sessions import PHONE

TOPIC = "/messaging/topics/news/subscribers"


def register(caller: Caller, target_id: str = "phone", **more: str) -> dict[str, object]:
    return caller.post("/account/targets/push", targetId=target_id, identifier=f"token-of-{target_id}", **more)  # type: ignore[no-any-return]


@pytest.fixture
def topic(api: Caller) -> str:
    """A topic that every user who is signed in may subscribe to."""
    return str(api.post("/messaging/topics", topicId="news", name="News")["$id"])


def test_a_device_is_registered_and_named_after_itself(app: Flask, api: Caller) -> None:
    make_ann(api)
    ann = sign_in(app)
    ann.headers["User-Agent"] = PHONE
    made = register(ann, providerId="unknown")
    assert (made["providerType"], made["identifier"], made["userId"]) == ("push", "token-of-phone", "ann")
    assert (made["name"], made["providerId"], made["expired"]) == ("Apple iPhone", None, False)
    assert api.get("/users/ann/targets")["total"] == 2


def test_a_device_is_registered_once(app: Flask, api: Caller) -> None:
    make_ann(api), make_ben(api)
    ann, ben = sign_in(app), sign_in(app, "ben@example.org")
    register(ann)
    for caller, body in (
        (ann, {"targetId": "phone", "identifier": "other"}),
        (ann, {"targetId": "other", "identifier": "token-of-phone"}),
        (ben, {"targetId": "other", "identifier": "token-of-phone"}),
    ):
        assert caller.refused("POST", "/account/targets/push", body) == (409, "user_target_already_exists")
    for wrong in ("", "a b", "x" * 256, None):
        body = {"targetId": "other", "identifier": wrong}
        assert ann.refused("POST", "/account/targets/push", body) == (400, "general_argument_invalid")


def test_a_new_token_makes_a_device_current_again(app: Flask, api: Caller, workshop: object) -> None:
    from app.models.targets import Target  # noqa: PLC0415

    make_ann(api)
    ann = sign_in(app)
    register(ann)
    with workshop.database.begin() as session:  # type: ignore[attr-defined]
        session.query(Target).filter_by(id="phone").one().expired_at = workshop.clock.now()  # type: ignore[attr-defined]
    assert api.get("/users/ann/targets/phone")["expired"] is True
    changed = ann.call("PUT", "/account/targets/phone/push", {"identifier": "token-of-phone"}).json
    assert (changed["expired"], changed["identifier"]) == (False, "token-of-phone")
    assert ann.call("PUT", "/account/targets/phone/push", {"identifier": "newer"}).json["identifier"] == "newer"


def test_another_users_device_is_not_found_and_an_address_is_no_device(app: Flask, api: Caller) -> None:
    email = make_ann(api)["targets"][0]["$id"]
    make_ben(api)
    ann, ben = sign_in(app), sign_in(app, "ben@example.org")
    register(ben, "bens")
    for place in ("bens", "nothing", email):
        there = f"/account/targets/{place}/push"
        assert ann.refused("PUT", there, {"identifier": "x"}) == (404, "user_target_not_found")
        assert ann.refused("DELETE", there, {}) == (404, "user_target_not_found")
    ben.delete("/account/targets/bens/push")
    assert api.get("/users/ben/targets")["total"] == 1


def test_devices_go_with_the_session_they_were_registered_in(app: Flask, api: Caller, topic: str) -> None:
    make_ann(api)
    phone, tablet = sign_in(app), sign_in(app)
    register(phone), register(tablet, "tablet")
    phone.post(TOPIC, subscriberId="a", targetId="phone")
    tablet.post(TOPIC, subscriberId="b", targetId="tablet")
    assert api.get("/messaging/topics/news")["pushTotal"] == 2
    phone.delete("/account/sessions/current")
    assert [each["$id"] for each in api.get("/users/ann/targets")["targets"]][1:] == ["tablet"]
    assert api.get("/messaging/topics/news")["pushTotal"] == 1
    api.delete("/users/ann/sessions")
    assert api.get("/users/ann/targets")["total"] == 1
    assert api.get("/messaging/topics/news")["pushTotal"] == 0


def test_a_device_that_a_token_registers_goes_with_the_session_behind_it(app: Flask, api: Caller) -> None:
    make_ann(api)
    ann = sign_in(app)
    register(without_session(app, X_Appwrite_JWT=ann.post("/account/jwts")["jwt"]))
    register(without_session(app, X_Appwrite_JWT=api.post("/users/ann/jwts")["jwt"]), "other")
    ann.delete("/account/sessions/current")
    assert api.get("/users/ann/targets")["total"] == 1


def test_a_user_sees_and_takes_out_its_own_subscribers_only(app: Flask, api: Caller, topic: str) -> None:
    ann_email, ben_email = make_ann(api)["targets"][0]["$id"], make_ben(api)["targets"][0]["$id"]
    ann, ben = sign_in(app), sign_in(app, "ben@example.org")
    made = ann.post(TOPIC, subscriberId="a", targetId=ann_email)
    assert (made["userId"], made["userName"], made["providerType"]) == ("ann", "Ann", "email")
    ben.post(TOPIC, subscriberId="b", targetId=ben_email)
    assert (ann.get(TOPIC)["total"], ann.get(TOPIC)["subscribers"]) == (1, [made])
    assert ann.get(TOPIC, search="ben")["total"] == 0
    cursor = json.dumps({"method": "cursorAfter", "values": ["b"]})
    assert ann.refused("GET", TOPIC, query_string={"queries[0]": cursor}) == (400, "general_cursor_not_found")
    for method, path in (("GET", TOPIC + "/b"), ("DELETE", TOPIC + "/b"), ("GET", "/messaging/subscribers/b/logs")):
        body = {} if method == "DELETE" else None
        assert ann.refused(method, path, body) == (404, "subscriber_not_found")
    assert api.get(TOPIC)["total"] == 2
    ann.delete(TOPIC + "/a")
    assert api.get("/messaging/topics/news")["emailTotal"] == 1


def test_a_user_subscribes_its_own_addresses_only(app: Flask, api: Caller, topic: str) -> None:
    make_ann(api)
    theirs = make_ben(api)["targets"][0]["$id"]
    for target in (theirs, "nothing"):
        body = {"subscriberId": "unique()", "targetId": target}
        assert sign_in(app).refused("POST", TOPIC, body) == (404, "user_target_not_found")
    assert api.get(TOPIC)["total"] == 0


@pytest.mark.parametrize(
    ("subscribe", "is_let_in"),
    [
        (["users"], True), (["any"], True), (["user:ann"], True), (["label:vip"], True), (["users/unverified"], True),
        (["user:ben", "user:ann/unverified"], True), ([], False), (["guests"], False), (["users/verified"], False),
        (["user:ben"], False), (["label:beta", "team:ann"], False),
    ],
)  # fmt: skip
def test_the_roles_of_a_topic_say_who_may_subscribe(
    app: Flask, api: Caller, subscribe: list[str], is_let_in: bool
) -> None:
    target = make_ann(api)["targets"][0]["$id"]
    api.call("PUT", "/users/ann/labels", {"labels": ["vip"]})
    api.post("/messaging/topics", topicId="news", name="News", subscribe=subscribe)
    answer = sign_in(app).call("POST", TOPIC, {"subscriberId": "s", "targetId": target})
    assert answer.status_code == (201 if is_let_in else 401)
    if not is_let_in:
        assert answer.json["type"] == "user_unauthorized"
        assert "label:vip" in answer.json["message"]
        assert api.post(TOPIC, subscriberId="s", targetId=target)["userId"] == "ann"  # a key needs no role


def test_verified_users_hold_another_role(app: Flask, api: Caller) -> None:
    target = make_ann(api)["targets"][0]["$id"]
    api.patch("/users/ann/verification", emailVerification=True)
    api.post("/messaging/topics", topicId="news", name="News", subscribe=["users/verified"])
    assert sign_in(app).post(TOPIC, subscriberId="s", targetId=target)["$id"] == "s"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/messaging/topics"), ("POST", "/messaging/topics"), ("GET", "/users"), ("GET", "/users/ann"),
        ("DELETE", "/messaging/topics/news"), ("GET", "/messaging/messages"), ("GET", "/messaging/providers"),
        ("POST", "/users/ann/sessions"), ("GET", "/storage/buckets"),
    ],
)  # fmt: skip
def test_a_user_does_nothing_that_is_for_programs(app: Flask, api: Caller, method: str, path: str) -> None:
    make_ann(api)
    answer = sign_in(app).call(method, path, *([{}] if method != "GET" else []))
    assert (answer.status_code, answer.json["type"]) == (401, "general_unauthorized_scope")
    assert answer.json["message"].startswith("ann@example.org (role: users) missing scopes ([")
