"""What a program asks of a list: the query strings of section 6, method by method."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from app.domain.errors import Invalid
from app.domain.list_query import Attribute, Condition, ListQuery, Shape, parse_queries

ATTRIBUTES = {
    "name": Attribute("name"), "size": Attribute("size", Shape.NUMBER), "on": Attribute("enabled", Shape.FLAG),
    "labels": Attribute("labels", Shape.TEXTS),
}  # fmt: skip
NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
SPATIAL = [
    "crosses", "notCrosses", "distanceEqual", "distanceNotEqual", "distanceGreaterThan", "distanceLessThan",
    "intersects", "notIntersects", "overlaps", "notOverlaps", "touches", "notTouches",
]  # fmt: skip


def q(method: Any, attribute: str | None = None, *values: Any) -> str:
    return json.dumps({"method": method} | ({"attribute": attribute} if attribute else {}) | {"values": list(values)})


def read(*texts: str) -> ListQuery:
    return parse_queries(texts, ATTRIBUTES)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        *[
            (q(method, "name", "a"), Condition(method, "name", ("a",)))
            for method in (
                "equal", "notEqual", "lessThan", "lessThanEqual", "greaterThan", "greaterThanEqual", "contains",
                "containsAny", "containsAll", "notContains", "startsWith", "notStartsWith", "endsWith", "notEndsWith",
            )
        ],
        (q("equal", "name", "a", "b"), Condition("equal", "name", ("a", "b"))),
        (q("between", "size", 1, 2), Condition("between", "size", (1, 2))),
        (q("notBetween", "size", 1, "2"), Condition("notBetween", "size", (1, 2))),
        (q("isNull", "on"), Condition("isNull", "enabled")),
        (q("isNotNull", "labels", "ignored"), Condition("isNotNull", "labels")),
        (q("equal", "on", False), Condition("equal", "enabled", (False,))),
        (q("equal", "$createdAt", "2026-11-21T12:00:00Z"), Condition("equal", "created_at", (NOON,))),
        (q("greaterThan", "$sequence", 5), Condition("greaterThan", "pk", (5,))),
        (q("containsAll", "labels", "a", "b"), Condition("containsAll", "labels", ("a", "b"))),
        (
            q("or", None, json.loads(q("equal", "size", 1)), json.loads(q("isNull", "name"))),
            Condition("or", parts=(Condition("equal", "size", (1,)), Condition("isNull", "name"))),
        ),
    ],
)  # fmt: skip
def test_a_filter_is_read(text: str, expected: Condition) -> None:
    assert read(text).conditions == (expected,)


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        ((), ListQuery()),
        ((q("limit", None, 3), q("limit", None, 9)), ListQuery(limit=3)),
        ((q("offset", None, 3), q("offset", None, 9)), ListQuery(offset=3)),
        ((q("cursorAfter", None, "a"), q("cursorBefore", None, "b")), ListQuery(cursor="a")),
        ((q("cursorBefore", None, "b"), q("cursorAfter", None, "a")), ListQuery(cursor="b", is_backwards=True)),
        ((q("orderAsc", "name"), q("orderDesc", "$id")), ListQuery(orders=(("name", False), ("id", True)))),
        ((q("orderRandom"),), ListQuery(is_random=True)),
    ],
)
def test_order_and_place_are_read_and_the_first_of_each_wins(texts: tuple[str, ...], expected: ListQuery) -> None:
    assert read(*texts) == expected


@pytest.mark.parametrize(
    "text",
    [
        *[q(method, "name", "a", "b") for method in ("notEqual", "lessThan", "startsWith", "notEndsWith")],
        *[q(method, "size", 1) for method in ("between", "notBetween")],
        *[q(method, "name") for method in ("equal", "contains", "containsAny", "notContains", "endsWith")],
        *[q(method, "name", "a") for method in ("regex", "elemMatch", *SPATIAL)],
        *[q(method, "name", [1.0]) for method in ("vectorDot", "vectorCosine", "vectorEuclidean")],
        q("exists", None, "name"), q("notExists", None, "name"), q("select", None, "name"), q("nonsense", "name", 1),
        q("equal", "labels", "a"), q("startsWith", "labels", "a"), q("contains", "size", 1), q("endsWith", "on", "a"),
        q("equal", "on", "true"), q("equal", "on", 1), q("equal", "size", 1.5), q("equal", "size", None),
        q("equal", "name", *["a"] * 501), q("and", None, json.loads(q("isNull", "name"))), q("or"),
        q("or", None, *[json.loads(q("isNull", "name"))] * 501),
        q("and", None, json.loads(q("limit", None, 1)), json.loads(q("isNull", "name"))),
        q("limit", None, 0), q("limit", None, True), q("limit", None, 1, 2), q("offset", None, -1), q("offset"),
        q("cursorAfter", None, ""), q("cursorBefore", None, {}), q("orderAsc", "labels_"), q("orderDesc"), q(5),
        json.dumps({"method": "equal", "attribute": 5, "values": [1]}), "null", "1", "", "{" * 5_000,
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_in_words(text: str) -> None:
    with pytest.raises(Invalid) as caught:
        read(text)
    assert caught.value.type == "general_argument_invalid"
    assert caught.value.fields["queries"][0].startswith("Invalid query")


@pytest.mark.parametrize("method", ["search", "notSearch"])
def test_searching_an_attribute_needs_an_index_that_none_has(method: str) -> None:
    with pytest.raises(Invalid) as caught:
        read(q(method, "name", "a"))
    assert caught.value.type == "general_query_invalid"


def test_filters_may_hold_filters_but_not_without_end() -> None:
    deep = json.loads(q("isNull", "name"))
    for _ in range(9):
        deep = {"method": "and", "values": [json.loads(q("isNull", "on")), deep]}
    with pytest.raises(Invalid, match="at most 8 deep"):
        read(json.dumps(deep))
    assert read(json.dumps(deep["values"][1])).conditions[0].method == "and"


@pytest.mark.parametrize("texts", [[q("isNull", "name")] * 101, [q("equal", "name", "a" * 4_097)]])
def test_queries_are_not_endless(texts: list[str]) -> None:
    with pytest.raises(Invalid):
        read(*texts)
