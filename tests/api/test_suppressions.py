"""Suppressions over the API: fields, errors, lists; what is suppressed here is left out of what is sent."""

import json
from typing import Any

import pytest
from flask import Flask

from app.domain.permissions import Actor
from app.models.audit import AuditEntry
from app.models.projects import Project
from app.services.people import suppressions
from app.services.work import Workshop
from tests import factories
from tests.api.caller import Caller
from tests.api.conftest import MakeKey
from tests.conftest import START

THERE = "/messaging/suppressions"
ANN = {"suppressionId": "ann", "providerType": "email", "identifier": "Ann@Example.org"}


@pytest.fixture
def some(api: Caller) -> Caller:
    """One suppression on each channel, each for another reason."""
    api.post(THERE, **ANN, reason="complaint")
    api.post(THERE, suppressionId="ben", providerType="sms", identifier="+4917012345678", reason="unsubscribed")
    api.post(THERE, suppressionId="cem", providerType="push", identifier="token-of-cem")
    return api


def only(method: str, attribute: str, *values: Any) -> str:
    return json.dumps({"method": method, "attribute": attribute, "values": list(values)})


def test_a_new_suppression_has_every_field(api: Caller) -> None:
    made = api.post(THERE, **ANN | {"suppressionId": "unique()"})
    assert len(made["$id"]) == 20
    assert api.get(f"{THERE}/{made['$id']}") == made
    assert made | {"$id": ""} == {
        "$id": "", "$createdAt": "2026-11-21T09:00:00.000+00:00", "$updatedAt": "2026-11-21T09:00:00.000+00:00",
        "identifier": "ann@example.org", "providerType": "email", "reason": "by_hand", "source": "Added by Shop",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("change", "type_", "sentence"),
    [
        ({"suppressionId": None}, "general_argument_invalid", "Invalid `suppressionId` param: "),
        ({"suppressionId": "_"}, "general_argument_invalid", "Invalid `suppressionId` param: "),
        ({"providerType": "fax"}, "general_argument_invalid", "Invalid `providerType` param: "),
        ({"reason": "mood"}, "general_argument_invalid", "Invalid `reason` param: "),
        ({"identifier": ""}, "general_argument_invalid", "Invalid `identifier` param: "),
        ({"identifier": ["ann@example.org"]}, "general_argument_invalid", "Invalid `identifier` param: "),
        ({"providerType": "push", "identifier": "two words"}, "general_argument_invalid", "Invalid `identifier` param"),
        ({"identifier": "ann"}, "general_invalid_email", "Email needs an address like "),
        ({"providerType": "sms", "identifier": "1234"}, "general_invalid_phone", "Phone number "),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_is_kept(
    api: Caller, change: dict[str, Any], type_: str, sentence: str
) -> None:
    answer = api.call("POST", THERE, ANN | change)
    assert (answer.status_code, answer.json["type"]) == (400, type_)
    assert answer.json["message"].startswith(sentence)
    assert api.get(THERE)["total"] == 0


def test_an_address_or_an_id_is_suppressed_once(some: Caller) -> None:
    taken = (409, "suppression_already_exists")
    assert some.refused("POST", THERE, ANN | {"suppressionId": "new", "identifier": "ANN@example.org"}) == taken
    assert some.refused("POST", THERE, ANN | {"identifier": "dan@example.org"}) == taken
    assert some.get(THERE)["total"] == 3


def test_lifting_takes_it_away_and_the_trail_says_who_did_it(some: Caller, workshop: Workshop, actor: Actor) -> None:
    some.delete(f"{THERE}/ann")
    for method in ("GET", "DELETE"):
        assert some.refused(method, f"{THERE}/ann", {}) == (404, "suppression_not_found")
    with workshop.read(actor) as work:
        assert suppressions.suppressed_reason(work, "email", "ann@example.org") is None
        last = work.session.query(AuditEntry).order_by(AuditEntry.pk.desc()).first()
    assert last is not None
    assert (last.event, last.resource, last.actor_kind) == ("suppression.lift", "suppression/ann", "key")


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (only("equal", "identifier", "ann@example.org"), ["ann"]),
        (only("equal", "providerType", "sms", "push"), ["ben", "cem"]),
        (only("notEqual", "reason", "by_hand"), ["ann", "ben"]),
        (only("startsWith", "identifier", "+49170"), ["ben"]),
        (only("greaterThan", "$createdAt", "2026-11-21T09:00:00.000+00:00"), []),
        (only("cursorAfter", "", "ann"), ["ben", "cem"]),
        (only("orderDesc", "identifier"), ["cem", "ann", "ben"]),
    ],
)
def test_the_list_is_filtered_ordered_and_paged(some: Caller, query: str, expected: list[str]) -> None:
    assert [row["$id"] for row in some.get(THERE, query)["suppressions"]] == expected


def test_the_list_is_searched_and_counted(some: Caller) -> None:
    assert [row["$id"] for row in some.get(THERE, search="ann example")["suppressions"]] == ["ann"]
    assert some.get(THERE, search="unsubscribed")["total"] == 1
    assert some.get(THERE, total="false")["total"] == 0
    assert some.refused("GET", THERE, query_string={"queries[0]": only("equal", "source", "x")}) == (
        400,
        "general_argument_invalid",
    )


def test_each_operation_asks_for_its_own_scope(app: Flask, some: Caller, make_key: MakeKey) -> None:
    reader, stranger = Caller(app, make_key("suppressions.read")), Caller(app, make_key("topics.read"))
    assert reader.get(f"{THERE}/ann")["reason"] == "complaint"
    shut_out = (401, "general_unauthorized_scope")
    assert reader.refused("POST", THERE, ANN) == shut_out
    assert reader.refused("DELETE", f"{THERE}/ann", {}) == shut_out
    assert stranger.refused("GET", THERE) == shut_out
    Caller(app, make_key("suppressions.write")).delete(f"{THERE}/ann")


def test_another_project_sees_and_lifts_nothing(some: Caller, workshop: Workshop) -> None:
    with workshop.database.begin() as session:
        other = Project(id="other", name="Other", created_at=START, updated_at=START)
        session.add(other)
        session.flush()
        dan = factories.make_suppression(session, "dan@example.org")
        dan.project_pk = other.pk
    for method in ("GET", "DELETE"):
        assert some.refused(method, f"{THERE}/{dan.id}", {}) == (404, "suppression_not_found")
    assert some.get(THERE)["total"] == 3
