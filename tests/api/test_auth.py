"""Who is let in: projects, keys, scopes, in the contract's order (section 3)."""

from datetime import timedelta

import pytest
from flask import Flask

from app.models.keys import ApiKey
from app.services.work import Workshop
from tests.api.caller import Caller
from tests.api.conftest import MakeKey
from tests.conftest import FakeClock

TOPICS = "/messaging/topics"


@pytest.mark.parametrize(
    ("project", "key", "expected"),
    [
        ("", "", (401, "general_unauthorized_scope")),
        ("", "standard_x", (403, "project_id_missing")),
        ("nowhere", "standard_x", (404, "project_not_found")),
        ("nowhere\0", "", (404, "project_not_found")),
        ("default", "", (401, "general_unauthorized_scope")),
        ("default", "standard_wrong", (401, "general_unauthorized_scope")),
    ],
)
def test_credentials_that_do_not_open(app: Flask, project: str, key: str, expected: tuple[int, str]) -> None:
    caller = Caller(app, key, project="")
    parameters = {"project": project} if project else {}
    assert caller.refused("GET", TOPICS, query_string=parameters) == expected


def test_a_key_opens_its_own_scopes_only(app: Flask, make_key: MakeKey) -> None:
    caller = Caller(app, make_key("topics.read"))
    assert caller.get(TOPICS)["total"] == 0
    answer = caller.call("POST", TOPICS, {})
    assert (answer.status_code, answer.json["type"]) == (401, "general_unauthorized_scope")
    assert 'missing scopes (["topics.write"])' in answer.json["message"]


def test_an_expired_key_says_so(app: Flask, make_key: MakeKey, clock: FakeClock) -> None:
    caller = Caller(app, make_key("topics.read", expires_at=clock.now() + timedelta(hours=1)))
    assert caller.get(TOPICS)["total"] == 0
    clock.move(3600)
    assert caller.refused("GET", TOPICS) == (401, "project_key_expired")


def test_a_key_of_another_project_opens_nothing(app: Flask, make_key: MakeKey, workshop: Workshop) -> None:
    from app.models.projects import Project  # noqa: PLC0415

    with workshop.database.begin() as session:
        now = workshop.clock.now()
        session.add(Project(id="other", name="Other", created_at=now, updated_at=now))
    assert Caller(app, make_key(), project="other").refused("GET", TOPICS) == (401, "general_unauthorized_scope")


def test_the_last_use_of_a_key_is_kept_to_the_minute(app: Flask, make_key: MakeKey, workshop: Workshop) -> None:
    caller, clock = Caller(app, make_key()), workshop.clock
    caller.get(TOPICS)
    first = clock.now()
    clock.sleep(30)
    caller.get(TOPICS)
    assert _used_at(workshop) == first
    clock.sleep(31)
    caller.get(TOPICS)
    assert _used_at(workshop) == clock.now()


def _used_at(workshop: Workshop) -> object:
    with workshop.database.read() as session:
        key = session.get(ApiKey, 1)
        return key.used_at if key else None


def test_a_token_that_was_never_issued_is_refused(app: Flask) -> None:
    assert Caller(app).refused("GET", TOPICS, headers={"X-Appwrite-JWT": "x.y.z"}) == (401, "user_jwt_invalid")


def test_what_a_key_did_stands_in_the_trail_with_where_it_came_from(api: Caller, workshop: Workshop) -> None:
    from app.models.audit import AuditEntry  # noqa: PLC0415

    api.call("POST", TOPICS, {"topicId": "a", "name": "A"}, headers={"X-Forwarded-User-Agent": "Shop/1"})
    with workshop.database.read() as session:
        entry = session.query(AuditEntry).filter_by(event="topic.create").one()
        assert (entry.actor_kind, entry.actor_name, entry.user_agent) == ("key", "Shop", "Shop/1")


def test_scope_is_checked_before_parameters(app: Flask) -> None:
    assert Caller(app).refused("POST", TOPICS, {"topicId": "_"}) == (401, "general_unauthorized_scope")
