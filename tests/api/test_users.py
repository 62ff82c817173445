"""Users and their targets over the API."""

from typing import Any

import pytest

from tests.api.caller import Caller

ANN = {"userId": "ann", "email": "Ann@Example.org", "phone": "+4917012345678", "name": "Ann"}


def test_a_new_user_has_a_target_for_each_address(api: Caller) -> None:
    made = api.post("/users", **ANN)
    assert (made["email"], made["phone"], made["prefs"], made["labels"]) == ("ann@example.org", ANN["phone"], {}, [])
    assert [(each["providerType"], each["identifier"]) for each in made["targets"]] == [
        ("email", "ann@example.org"), ("sms", "+4917012345678"),
    ]  # fmt: skip
    assert api.get("/users/ann") == made
    assert api.get("/users", search="example")["users"] == [made]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, (409, "user_already_exists")),
        ({"userId": "ben"}, (409, "user_already_exists")),
        ({"userId": "ben", "email": "ben@example.org"}, (409, "user_already_exists")),
        ({"userId": "ben", "email": "ben"}, (400, "general_argument_invalid")),
        ({"userId": "ben", "email": ""}, (400, "general_argument_invalid")),
        ({"userId": "ben", "phone": "0170"}, (400, "general_argument_invalid")),
        ({"userId": "ben", "password": "short"}, (400, "general_argument_invalid")),
    ],
)
def test_a_user_that_cannot_be_is_refused(api: Caller, change: dict[str, Any], expected: tuple[int, str]) -> None:
    api.post("/users", **ANN)
    assert api.refused("POST", "/users", ANN | change) == expected
    assert api.get("/users")["total"] == 1


def test_name_email_and_phone_change_one_by_one(api: Caller) -> None:
    api.post("/users", **ANN)
    assert api.patch("/users/ann/name", name="")["name"] == ""
    assert api.patch("/users/ann/email", email="new@example.org")["email"] == "new@example.org"
    assert api.refused("PATCH", "/users/ann/email", {"email": "new@example.org"}) == (409, "user_target_already_exists")
    gone = api.patch("/users/ann/phone", number="")
    assert (gone["phone"], len(gone["targets"])) == ("", 1)
    assert api.patch("/users/ann/phone", number="+4917011111111")["phone"] == "+4917011111111"


def test_preferences_are_the_attributes_that_messages_name(api: Caller) -> None:
    api.post("/users", userId="ann")
    assert api.call("GET", "/users/ann/prefs").text == "{}"
    assert api.patch("/users/ann/prefs", prefs={"city": "Bonn", "age": 7}) == {"city": "Bonn", "age": 7}
    assert api.get("/users/ann")["prefs"] == {"city": "Bonn", "age": 7}
    for wrong in ({"No good": 1}, {"a": "\0"}, {"a": "x" * 2_000}, '{"a": 1e999}', "x", [1], None, 5):
        assert api.refused("PATCH", "/users/ann/prefs", {"prefs": wrong}) == (400, "general_argument_invalid")


def test_a_user_goes_with_all_its_targets(api: Caller) -> None:
    made = api.post("/users", **ANN)
    api.post("/messaging/topics", topicId="news", name="News")
    api.post("/messaging/topics/news/subscribers", subscriberId="s", targetId=made["targets"][0]["$id"])
    api.delete("/users/ann")
    assert api.refused("GET", "/users/ann") == (404, "user_not_found")
    assert api.get("/messaging/topics/news")["emailTotal"] == 0


def test_targets_are_made_changed_and_taken_away(api: Caller) -> None:
    api.post("/users", userId="ann")
    there = "/users/ann/targets"
    made = api.post(there, targetId="t", providerType="PUSH", identifier="token", name="Phone", providerId="unknown")
    assert (made["providerType"], made["identifier"], made["name"], made["providerId"]) == (
        "push", "token", "Phone", None,
    )  # fmt: skip
    changed = api.patch(there + "/t", identifier="other")
    assert (changed["identifier"], changed["name"], changed["expired"]) == ("other", "Phone", False)
    assert api.get(there)["targets"] == [changed] == [api.get(there + "/t")]
    api.delete(there + "/t")
    assert api.get(there) == {"total": 0, "targets": []}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"providerType": "email", "identifier": "x"}, (400, "general_invalid_email")),
        ({"providerType": "sms", "identifier": "x"}, (400, "general_invalid_phone")),
        ({"providerType": "fax"}, (400, "general_argument_invalid")),
        ({"identifier": "a b"}, (400, "general_argument_invalid")),
        ({"targetId": "used"}, (409, "user_target_already_exists")),
        ({"identifier": "used"}, (409, "user_target_already_exists")),
        ({"identifier": None}, (400, "general_argument_invalid")),
    ],
)
def test_a_target_that_cannot_be_is_refused(api: Caller, change: dict[str, Any], expected: tuple[int, str]) -> None:
    api.post("/users", userId="ann")
    body = {"targetId": "new", "providerType": "push", "identifier": "token"}
    api.post("/users/ann/targets", **body | {"targetId": "used", "identifier": "used"})
    assert api.refused("POST", "/users/ann/targets", body | change) == expected
    assert api.get("/users/ann/targets")["total"] == 1


def test_a_target_is_found_under_its_own_user_only(api: Caller) -> None:
    target = api.post("/users", **ANN)["targets"][0]["$id"]
    api.post("/users", userId="ben")
    for method, body in (("GET", None), ("PATCH", {"name": "x"}), ("DELETE", {})):
        assert api.refused(method, f"/users/ben/targets/{target}", body) == (404, "user_target_not_found")
        assert api.refused(method, f"/users/no/targets/{target}", body) == (404, "user_not_found")


def test_a_target_is_bound_to_a_provider_of_its_type(api: Caller) -> None:
    target = api.post("/users", **ANN)["targets"]
    api.post("/messaging/providers/smtp", providerId="mail", name="Mail", host="smtp.example.org")
    there = f"/users/ann/targets/{target[0]['$id']}"
    assert api.refused("PATCH", there, {"providerId": "no"}) == (404, "provider_not_found")
    assert api.patch(there, providerId="mail")["providerId"] == "mail"
    other = f"/users/ann/targets/{target[1]['$id']}"
    assert api.refused("PATCH", other, {"providerId": "mail"}) == (400, "provider_incorrect_type")
