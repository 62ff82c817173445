"""Queries, cursors, totals and search of lists (sections 6 and 7)."""

import json
from typing import Any

import pytest

from tests.api.caller import Caller

TOPICS = "/messaging/topics"


def q(method: str, attribute: str | None = None, *values: Any) -> str:
    return json.dumps({"method": method} | ({"attribute": attribute} if attribute else {}) | {"values": list(values)})


@pytest.fixture
def five(api: Caller) -> Caller:
    for name in ("Delta", "Alpha", "Echo", "Bravo", "Charlie"):
        api.post(TOPICS, topicId=name[0].lower(), name=name)
    return api


def ids(api: Caller, *queries: str, **parameters: Any) -> str:
    return "".join(row["$id"] for row in api.get(TOPICS, *queries, **parameters)["topics"])


@pytest.mark.parametrize(
    ("queries", "expected"),
    [
        ((), "daebc"),
        ((q("equal", "name", "Alpha", "Echo"),), "ae"),
        ((q("equal", "$id", "a"),), "a"),
        ((q("notEqual", "name", "Alpha"),), "debc"),
        ((q("lessThan", "name", "Charlie"),), "ab"),
        ((q("between", "name", "B", "D"),), "bc"),
        ((q("notBetween", "name", "B", "D"),), "dae"),
        ((q("contains", "name", "LPH", "rav"),), "ab"),
        ((q("containsAll", "name", "a", "l", "t"),), "d"),
        ((q("notContains", "name", "a"),), "e"),
        ((q("startsWith", "name", "ch"),), "c"),
        ((q("notEndsWith", "name", "a"),), "ebc"),
        ((q("isNull", "name"),), ""),
        ((q("isNotNull", "description"),), "daebc"),
        ((q("equal", "emailTotal", 0), q("greaterThan", "$sequence", 3)), "bc"),
        ((json.dumps({"method": "or", "values": [json.loads(q("equal", "name", "Echo")),
                                                 json.loads(q("startsWith", "name", "A"))]}),), "ae"),
        ((q("greaterThanEqual", "$createdAt", "2026-11-21 09:00:00.000"),), "daebc"),
        ((q("orderAsc", "name"),), "abcde"),
        ((q("orderDesc", "name"), q("limit", None, 2)), "ed"),
        ((q("orderDesc", "$createdAt"),), "cbead"),
        ((q("limit", None, 2), q("offset", None, 1), q("limit", None, 1)), "ae"),
        ((q("cursorAfter", None, "e"),), "bc"),
        ((q("cursorBefore", None, "e"), q("limit", None, 1)), "a"),
        ((q("orderDesc", "name"), q("cursorAfter", None, "d")), "cba"),
        ((q("orderDesc", "name"), q("cursorBefore", None, "c"), q("limit", None, 1)), "d"),
        ((q("orderDesc", "$createdAt"), q("cursorAfter", None, "b")), "ead"),
    ],
)  # fmt: skip
def test_a_query_finds_what_it_says(five: Caller, queries: tuple[str, ...], expected: str) -> None:
    assert ids(five, *queries) == expected


def test_random_order_loses_nobody(five: Caller) -> None:
    assert sorted(ids(five, q("orderRandom"))) == list("abcde")


@pytest.mark.parametrize(
    "query",
    [
        "{", "[]", '"x"', "{}", '{"method":5}', q("nope", "name", 1), q("equal", "secret", 1), q("equal", "name"),
        q("equal", "name", 5), q("equal", "emailTotal", "x"), q("equal", "emailTotal", True), q("between", "name", "a"),
        q("notEqual", "name", "a", "b"), q("limit", None, 0), q("limit", None, "5"), q("limit", None, True), q("limit"),
        q("offset", None, -1), q("cursorAfter", None, "_"), q("cursorAfter", None, 5), q("select", None, "name"),
        q("equal", "$createdAt", "yesterday"), q("equal", "name", "\ud800"), q("equal", "name", "\0"),
        q("equal", "emailTotal", 2**63), q("equal", "name", *"a" * 501), q("exists", None, "name"),
        q("regex", "name", ".*"), q("and", None, 5, 6), q("or", None, {"method": "equal"}),
        q("contains", "emailTotal", "1"), q("vectorDot", "name", 1), '{"method":"equal","values":5}', "[" * 4_000,
        '{"method":"equal","attribute":"name","values":["' + "a" * 4_096 + '"]}', q("orderAsc", "nothing"),
    ],
)  # fmt: skip
def test_a_query_that_cannot_be_is_refused(five: Caller, query: str) -> None:
    answer = five.call("GET", TOPICS, query_string={"queries[0]": query})
    assert (answer.status_code, answer.json["type"]) == (400, "general_argument_invalid")
    assert answer.json["message"].startswith("Invalid `queries` param: Invalid query")


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (q("search", "name", "Alpha"), "general_query_invalid"),
        (q("cursorAfter", None, "nobody"), "general_cursor_not_found"),
    ],
)
def test_some_queries_have_errors_of_their_own(five: Caller, query: str, expected: str) -> None:
    assert five.refused("GET", TOPICS, query_string={"queries[0]": query}) == (400, expected)


def test_a_row_without_a_value_to_order_by_is_no_cursor(api: Caller) -> None:
    api.post("/messaging/messages/email", messageId="m", subject="a", content="b", draft=True)
    queries = {"queries[0]": q("orderAsc", "scheduledAt"), "queries[1]": q("cursorAfter", None, "m")}
    refused = api.refused("GET", "/messaging/messages", query_string=queries)
    assert refused == (400, "database_query_order_null")


def test_queries_must_be_an_array_of_at_most_a_hundred(five: Caller) -> None:
    assert five.refused("GET", TOPICS, query_string={"queries": q("limit", None, 1)})[0] == 400
    many = {f"queries[{index}]": q("limit", None, 1) for index in range(101)}
    assert five.refused("GET", TOPICS, query_string=many) == (400, "general_argument_invalid")


@pytest.mark.parametrize("no", ["false", "0"])
def test_nobody_counts_when_nobody_asks(five: Caller, no: str) -> None:
    listed = five.get(TOPICS, total=no)
    assert (listed["total"], len(listed["topics"])) == (0, 5)


def test_the_total_ignores_limit_offset_and_cursor(five: Caller) -> None:
    asked = (q("limit", None, 1), q("cursorAfter", None, "d"), q("notEqual", "name", "Echo"))
    assert five.get(TOPICS, *asked)["total"] == 4


@pytest.mark.parametrize(
    ("search", "expected"), [("alpha", "a"), ("ALP", "a"), ('"Charlie"', "c"), ('"Char"', ""), ("-?-", "")]
)
def test_search_looks_for_words(five: Caller, search: str, expected: str) -> None:
    assert ids(five, search=search) == expected


@pytest.mark.parametrize("search", ["", "x" * 257])
def test_search_is_neither_empty_nor_endless(five: Caller, search: str) -> None:
    assert five.refused("GET", TOPICS, query_string={"search": search}) == (400, "general_argument_invalid")
