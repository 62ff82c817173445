"""The logs of SDKs up to 21: one entry for each audited write, newest first, with who, where from and which device."""

import json
from dataclasses import replace
from typing import Any

import pytest

from app.domain.errors import NotFound
from app.domain.permissions import Actor, ActorKind
from app.models.contacts import Contact
from app.services.accounts.user_agents import UserAgent
from app.services.people import subscribers, topics
from app.services.team import audit, members
from app.services.work import Workshop
from tests.api.caller import Caller

TOPICS = "/messaging/topics"
PHONE = (
    "Mozilla/5.0 (Linux; Android 13; Pixel 7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Mobile "
    "Safari/537.36"
)
FIELDS = {
    "event", "userId", "userEmail", "userName", "mode", "userType", "ip", "time", "osCode", "osName", "osVersion",
    "clientType", "clientCode", "clientName", "clientVersion", "clientEngine", "clientEngineVersion", "deviceName",
    "deviceBrand", "deviceModel", "countryCode", "countryName",
}  # fmt: skip


def query(method: str, *values: Any, attribute: str = "") -> str:
    return json.dumps({"method": method, "attribute": attribute, "values": list(values)})


@pytest.fixture
def news(api: Caller) -> str:
    """The logs of a topic that was made and changed five times."""
    api.post(TOPICS, topicId="news", name="News")
    for number in range(5):
        api.patch(TOPICS + "/news", name=f"News {number}")
    return TOPICS + "/news/logs"


@pytest.fixture
def subscriber(api: Caller) -> str:
    """The path of a subscriber."""
    ann = api.post("/users", userId="ann", name="Ann", email="ann@example.org")
    api.post(TOPICS, topicId="news", name="News")
    api.post(TOPICS + "/news/subscribers", subscriberId="sub", targetId=ann["targets"][0]["$id"])
    return TOPICS + "/news/subscribers/sub"


def test_an_entry_has_every_field_as_text(api: Caller) -> None:
    api.call("POST", TOPICS, {"topicId": "news", "name": "News"}, headers={"X-Forwarded-User-Agent": PHONE})
    [entry] = api.get(TOPICS + "/news/logs")["logs"]
    assert set(entry) == FIELDS
    assert all(isinstance(value, str) for value in entry.values())
    assert len(entry.pop("userId")) == 20
    assert entry == {
        "event": "topic.create", "userEmail": "", "userName": "Shop", "mode": "default", "userType": "app",
        "ip": "127.0.0.1", "time": "2026-11-21T09:00:00.000+00:00", "osCode": "AND", "osName": "Android",
        "osVersion": "13", "clientType": "browser", "clientCode": "CM", "clientName": "Chrome Mobile",
        "clientVersion": "120.0.0", "clientEngine": "Blink", "clientEngineVersion": "120.0.0.0",
        "deviceName": "smartphone", "deviceBrand": "Google", "deviceModel": "Pixel 7", "countryCode": "--",
        "countryName": "Unknown",
    }  # fmt: skip


def test_the_newest_comes_first(api: Caller, news: str) -> None:
    found = api.get(news)
    assert found["total"] == 6
    assert [entry["event"] for entry in found["logs"]] == ["topic.update"] * 5 + ["topic.create"]


def test_limit_and_offset_cut_out_a_page(api: Caller, news: str) -> None:
    found = api.get(news, query("limit", 2), query("offset", 4))
    assert (found["total"], [entry["event"] for entry in found["logs"]]) == (6, ["topic.update", "topic.create"])
    assert api.get(news, query("offset", 100)) == {"total": 6, "logs": []}


def test_without_queries_there_are_25(api: Caller, news: str) -> None:
    for number in range(25):
        api.patch(TOPICS + "/news", name=f"More {number}")
    found = api.get(news)
    assert (found["total"], len(found["logs"])) == (31, 25)


@pytest.mark.parametrize("total", ["false", "0"])
def test_nothing_is_counted_when_nobody_asks(api: Caller, news: str, total: str) -> None:
    found = api.get(news, total=total)
    assert (found["total"], len(found["logs"])) == (0, 6)


@pytest.mark.parametrize(
    "refused",
    [
        query("limit", -1), query("limit", 0), query("offset", -1), query("limit"), query("limit", "2"),
        query("equal", "topic.create", attribute="event"), query("orderAsc", attribute="$createdAt"),
        query("orderRandom"), query("cursorAfter", "news"), query("equal", "news", attribute="$id"), "limit(1)", "{",
    ],
)  # fmt: skip
def test_every_other_query_is_refused(api: Caller, news: str, refused: str) -> None:
    answer = api.call("GET", news, query_string={"queries[0]": refused})
    assert (answer.status_code, answer.json["type"]) == (400, "general_argument_invalid")


@pytest.mark.parametrize(
    ("path", "type"),
    [
        ("/messaging/providers/none/logs", "provider_not_found"), ("/messaging/topics/none/logs", "topic_not_found"),
        ("/messaging/subscribers/none/logs", "subscriber_not_found"),
        ("/messaging/messages/none/logs", "message_not_found"),
    ],
)  # fmt: skip
def test_what_is_not_there_has_no_logs(api: Caller, path: str, type: str) -> None:
    assert api.refused("GET", path) == (404, type)


@pytest.mark.parametrize("noun", ["providers", "topics", "subscribers", "messages"])
def test_logs_need_the_scope_of_their_noun(api: Caller, app: Any, make_key: Any, noun: str) -> None:
    other = "topics.read" if noun != "topics" else "messages.read"
    refused = Caller(app, make_key(other)).refused("GET", f"/messaging/{noun}/any/logs")
    assert refused == (401, "general_unauthorized_scope")


def test_a_provider_is_logged(api: Caller) -> None:
    api.post("/messaging/providers/smtp", providerId="post", name="Post", host="smtp.example.org")
    api.patch("/messaging/providers/smtp/post", name="Mail")
    found = api.get("/messaging/providers/post/logs")
    assert [entry["event"] for entry in found["logs"]] == ["provider.update", "provider.create"]
    api.delete("/messaging/providers/post")
    assert api.refused("GET", "/messaging/providers/post/logs") == (404, "provider_not_found")


def test_a_message_is_logged_in_the_contracts_words(api: Caller) -> None:
    body = {"messageId": "hello", "subject": "Hello", "content": "Hi", "draft": True}
    api.post("/messaging/messages/email", **body)
    api.patch("/messaging/messages/email/hello", subject="Hello again")
    found = api.get("/messaging/messages/hello/logs")
    assert [entry["event"] for entry in found["logs"]] == ["message.update", "message.create"]


def test_a_subscriber_is_found_without_its_topic(api: Caller, subscriber: str) -> None:
    found = api.get("/messaging/subscribers/sub/logs")
    assert (found["total"], found["logs"][0]["event"]) == (1, "subscriber.create")
    api.delete(subscriber)
    assert api.refused("GET", "/messaging/subscribers/sub/logs") == (404, "subscriber_not_found")


def test_what_a_member_did_names_the_member(api: Caller, workshop: Workshop, actor: Actor) -> None:
    with workshop.open(actor) as work:
        member = members.create_member(work, "olga@example.org", "a long pass phrase", role="admin")
    olga = replace(actor, pk=member.pk)
    with workshop.open(olga) as work:
        topics.create_topic(work, name="News", topic_id="news")
    [entry] = api.get(TOPICS + "/news/logs")["logs"]
    assert {key: entry[key] for key in ("userId", "userEmail", "userName", "userType", "mode")} == {
        "userId": member.id, "userEmail": "olga@example.org", "userName": "Olga", "userType": "admin", "mode": "admin",
    }  # fmt: skip


def contact(workshop: Workshop, actor: Actor, public_id: str) -> Actor:
    with workshop.read(actor) as work:
        person = work.find(Contact, public_id, noun="contact")
    return Actor(ActorKind.CONTACT, person.name, 1, person.pk, frozenset({"topics.read"}))


def test_a_contact_learns_what_was_done_but_not_by_whom(workshop: Workshop, actor: Actor, subscriber: str) -> None:
    with workshop.read(contact(workshop, actor, "ann")) as work:
        found = subscribers.find_anywhere(work, "sub")
        [line] = audit.read_log(work, f"subscriber/{found.id}", limit=5).lines
    assert (line.event, line.actor_kind) == ("subscriber.create", ActorKind.KEY)
    assert {line.actor_id, line.actor_name, line.actor_email, line.ip} == {""}
    assert line.device == UserAgent()


def test_a_contact_finds_no_subscriber_of_another(
    api: Caller, workshop: Workshop, actor: Actor, subscriber: str
) -> None:
    api.post("/users", userId="eve", name="Eve")
    with workshop.read(contact(workshop, actor, "eve")) as work, pytest.raises(NotFound):
        subscribers.find_anywhere(work, "sub")
