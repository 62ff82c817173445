"""Every list that programs can ask for, with every attribute it can be asked by (sections 6.4 and 7)."""

import json
from typing import Any

import pytest

from app.api import lists
from app.domain.list_query import COMMON, Attribute, Shape
from app.domain.permissions import Actor
from app.services.work import Workshop
from tests import factories
from tests.api.caller import Caller

# path, the array's name in the answer, attributes, how many rows there are, and what the cursor error calls one
LISTS: dict[str, tuple[str, str, dict[str, Attribute], int, str]] = {
    "users": ("/users", "users", lists.USERS, 3, "user"),
    "user-targets": ("/users/u0/targets", "targets", lists.TARGETS, 3, "target"),
    "topics": ("/messaging/topics", "topics", lists.TOPICS, 3, "topic"),
    "subscribers": ("/messaging/topics/t0/subscribers", "subscribers", lists.SUBSCRIBERS, 3, "subscriber"),
    "providers": ("/messaging/providers", "providers", lists.PROVIDERS, 3, "provider"),
    "messages": ("/messaging/messages", "messages", lists.MESSAGES, 3, "message"),
    "message-targets": ("/messaging/messages/m0/targets", "targets", lists.TARGETS, 2, "target"),
    "buckets": ("/storage/buckets", "buckets", lists.BUCKETS, 3, "bucket"),
    "files": ("/storage/buckets/b0/files", "files", lists.FILES, 3, "file"),
}
SAMPLES: dict[Shape, Any] = {
    Shape.TEXT: "x", Shape.NUMBER: 1, Shape.FLAG: True, Shape.MOMENT: "2026-11-21T09:00:00.000+00:00",
    Shape.TEXTS: "x",
}  # fmt: skip
WRONG: dict[Shape, Any] = {
    Shape.TEXT: 5, Shape.NUMBER: "x", Shape.FLAG: "true", Shape.MOMENT: "soon", Shape.TEXTS: {},
}  # fmt: skip
ASKED = [(name, attribute) for name, row in LISTS.items() for attribute in (*COMMON, *row[2])]


def q(method: str, attribute: str = "", *values: Any) -> str:
    return json.dumps({"method": method, "attribute": attribute, "values": list(values)})


@pytest.fixture
def full(api: Caller, workshop: Workshop, actor: Actor) -> Caller:
    """Three of everything; the first user has three targets, of which the first message names two."""
    for number in range(3):
        api.post("/users", userId=f"u{number}", name=f"Person {number}", email=f"p{number}@example.org")
        api.post("/messaging/topics", topicId=f"t{number}", name=f"Topic {number}")
        api.post("/storage/buckets", bucketId=f"b{number}", name=f"Bucket {number}", fileSecurity=False)
        api.post(
            "/messaging/providers/smtp", providerId=f"p{number}", name=f"Post {number}", host="localhost",
            fromEmail="news@example.org",
        )  # fmt: skip
    api.post("/users/u0/targets", targetId="extra", providerType="email", identifier="extra@example.org")
    api.post("/users/u0/targets", targetId="phone", providerType="sms", identifier="+491701234567")
    for number in range(3):
        target = api.get(f"/users/u{number}")["targets"][0]["$id"]
        api.post("/messaging/topics/t0/subscribers", subscriberId=f"s{number}", targetId=target)
        named = [target, "extra"] if number == 0 else [target]
        api.post(
            "/messaging/messages/email", messageId=f"m{number}", subject=f"News {number}", content="Hi", targets=named,
            draft=True,
        )  # fmt: skip
    with workshop.open(actor) as work:
        for number in range(3):
            factories.make_file(work.session, f"file {number}.txt", bucket="b0", id=f"f{number}")
    return api


def rows(api: Caller, name: str, *queries: str, **parameters: Any) -> list[str]:
    path, array, *_ = LISTS[name]
    return [row["$id"] for row in api.get(path, *queries, **parameters)[array]]


def refusal(api: Caller, name: str, query: str) -> tuple[int, str]:
    return api.refused("GET", LISTS[name][0], query_string={"queries[0]": query})


def test_every_list_can_be_paged_both_ways_from_end_to_end(full: Caller) -> None:
    for name, (path, _, _, count, _) in LISTS.items():
        page_through(full, name, path, count)


def page_through(full: Caller, name: str, path: str, count: int) -> None:
    everything = rows(full, name)
    assert len(everything) == full.get(path)["total"] == count
    assert full.get(path, total="false")["total"] == 0
    for order in ((), (q("orderDesc", "$createdAt"),), (q("orderAsc", "$id"),), (q("orderDesc", "$updatedAt"),)):
        wanted, ahead = rows(full, name, *order), []
        for _ in wanted:
            after = (q("cursorAfter", "", ahead[-1]),) if ahead else ()
            ahead += rows(full, name, *order, q("limit", "", 1), *after)
        assert ahead == wanted
        assert rows(full, name, *order, q("limit", "", 1), q("cursorAfter", "", wanted[-1])) == []
        assert rows(full, name, *order, q("limit", "", 1), q("cursorBefore", "", wanted[-1])) == [wanted[-2]]
        assert rows(full, name, *order, q("offset", "", 1)) == wanted[1:]
    assert sorted(rows(full, name, q("orderRandom"))) == sorted(everything)


def test_an_unknown_cursor_names_kind_and_id(full: Caller) -> None:
    for path, _, _, _, noun in LISTS.values():
        answer = full.call("GET", path, query_string={"queries[0]": q("cursorAfter", "", "nobody")})
        assert (answer.status_code, answer.json["type"]) == (400, "general_cursor_not_found"), path
        assert f"{noun} 'nobody'" in answer.json["message"]


def test_every_attribute_of_every_list_filters_and_orders(full: Caller) -> None:
    for name, attribute in ASKED:
        shape = (COMMON | LISTS[name][2])[attribute].shape
        everything = set(rows(full, name))
        filled = rows(full, name, q("isNotNull", attribute))
        empty = rows(full, name, q("isNull", attribute))
        assert set(filled) | set(empty) == everything, (name, attribute)
        assert not set(filled) & set(empty), (name, attribute)
        method = "contains" if shape is Shape.TEXTS else "equal"
        assert set(rows(full, name, q(method, attribute, SAMPLES[shape]))) <= everything
        for order in ("orderAsc", "orderDesc"):
            assert set(rows(full, name, q(order, attribute))) == everything, (name, attribute)


def test_no_attribute_takes_a_value_of_another_sort(full: Caller) -> None:
    for name, attribute in ASKED:
        shape = (COMMON | LISTS[name][2])[attribute].shape
        method = "contains" if shape is Shape.TEXTS else "equal"
        for query in (q(method, attribute, WRONG[shape]), q(method, attribute), q("select", "", attribute)):
            assert refusal(full, name, query) == (400, "general_argument_invalid"), (name, query)
        assert refusal(full, name, q("search", attribute, "x")) == (400, "general_query_invalid"), (name, attribute)


FOUND_BY_FILTER = [
    ("users", q("equal", "email", "p1@example.org"), ["u1"]),
    ("users", q("equal", "email", "P1@example.org"), []),
    ("users", q("equal", "email", "p1@example.org", "p2@example.org"), ["u1", "u2"]),
    ("users", q("equal", "email", ""), []),
    ("users", q("notEqual", "email", "p1@example.org"), ["u0", "u2"]),
    ("users", q("equal", "phone", ""), ["u1", "u2"]),
    ("users", q("equal", "phone", "+491701234567"), ["u0"]),
    ("users", q("equal", "name", "Person 1"), ["u1"]),
    ("users", q("equal", "name", "person 1"), []),
    ("users", q("equal", "status", True, False), ["u0", "u1", "u2"]),
    ("users", q("equal", "status", False), []),
    ("users", q("orderDesc", "name"), ["u2", "u1", "u0"]),
    ("user-targets", q("equal", "identifier", "+491701234567"), ["phone"]),
    ("message-targets", q("equal", "identifier", "extra@example.org"), ["extra"]),
    ("subscribers", q("equal", "userId", "u2"), ["s2"]),
    ("subscribers", q("equal", "providerType", "sms"), []),
    ("subscribers", q("equal", "providerType", "email", "sms"), ["s0", "s1", "s2"]),
    ("subscribers", q("equal", "topicId", "t1"), []),
    ("messages", q("equal", "status", "sent", "failed"), []),
    ("messages", q("contains", "targets", "extra"), ["m0"]),
    ("buckets", q("equal", "fileSecurity", False), ["b0", "b1", "b2"]),
    ("providers", q("equal", "type", "sms"), []),
]


def test_a_filter_finds_what_it_says(full: Caller) -> None:
    for name, query, expected in FOUND_BY_FILTER:
        assert rows(full, name, query) == expected, (name, query)


FOUND_BY_WORDS = [
    ("users", "person", ["u0", "u1", "u2"]),
    ("users", "p1@example.org", ["u1"]),
    ("users", "u2", ["u2"]),
    ("users", "491701234567", ["u0"]),
    ("users", '"person 1"', ["u1"]),
    ("users", '"1 person"', []),
    ("users", "erson", []),
    ("users", "-?-", []),
    ("topics", "topi 1", []),
    ("topics", "1 topi", ["t1"]),
    ("subscribers", "s1", ["s1"]),
    ("subscribers", "u1", ["s1"]),
    ("subscribers", "email", ["s0", "s1", "s2"]),
    ("subscribers", "sms", []),
    ("subscribers", "u1 email", ["s1"]),
    ("subscribers", "u1 u2", []),
    ("subscribers", "?!", []),
    ("providers", "smtp post", ["p0", "p1", "p2"]),
    ("providers", "p1 email", ["p1"]),
    ("messages", "news", ["m0", "m1", "m2"]),
    ("messages", "draft 1", ["m1"]),
    ("messages", "sent", []),
    ("buckets", "BUCKET b2", ["b2"]),
    ("files", "file txt", ["f0", "f1", "f2"]),
    ("files", "file 1.txt", ["f1"]),
]


def test_a_search_finds_words_of_the_composed_text(full: Caller) -> None:
    for name, search, expected in FOUND_BY_WORDS:
        assert rows(full, name, search=search) == expected, (name, search)


def test_lists_of_targets_have_no_search(full: Caller) -> None:
    for name in ("user-targets", "message-targets"):
        assert rows(full, name, search="nothing at all") == rows(full, name)


def test_whatever_has_no_value_comes_before_what_has_one(full: Caller) -> None:
    full.patch("/messaging/messages/email/m1", scheduledAt="2026-12-24T09:00:00.000+00:00")
    assert rows(full, "messages", q("orderAsc", "scheduledAt")) == ["m0", "m2", "m1"]
    assert rows(full, "messages", q("orderDesc", "scheduledAt")) == ["m1", "m0", "m2"]
    assert rows(full, "messages", q("orderDesc", "scheduledAt"), q("cursorAfter", "", "m1")) == ["m0", "m2"]
    assert rows(full, "messages", q("orderAsc", "scheduledAt"), q("cursorBefore", "", "m1")) == ["m0", "m2"]
