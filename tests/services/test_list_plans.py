"""How the databases find a page of a long list: by an index, without looking at or sorting the whole of it."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from app.api import lists
from app.domain.list_query import Attribute, parse_queries
from app.domain.permissions import Actor
from app.models.topics import Topic
from app.services.programs import shelves
from app.services.programs.shelves import Wish
from app.services.work import Work, Workshop
from tests.services.long_lists import fill, q
from tests.statements import heard

OF_FEW = ("contact_pk IN (", "target_pk IN (")  # what belongs to those who were found: few rows, in any order
LONG = ("contacts", "targets", "subscribers", "messages", "files")
PEOPLE = 50_000


def contacts(work: Work, wish: Wish) -> Any:
    return shelves.list_contacts(work, wish)


def subscribers(work: Work, wish: Wish) -> Any:
    return shelves.list_subscribers(work, work.session.get(Topic, 1), wish)


def messages(work: Work, wish: Wish) -> Any:
    return shelves.list_messages(work, wish)


def files(work: Work, wish: Wish) -> Any:
    return shelves.list_files(work, "all", wish)


_MIDDLE = 30_000
_COMMON: list[tuple[tuple[str, ...], str]] = [
    ((), ""),
    ((q("orderDesc", "$createdAt"),), ""),
    ((q("orderAsc", "$createdAt"),), ""),
    ((q("orderDesc", "$updatedAt"),), ""),
    ((q("cursorAfter", "", "{id}"),), ""),
    ((q("cursorBefore", "", "{id}"),), ""),
    ((q("orderDesc", "$createdAt"), q("cursorAfter", "", "{id}")), ""),
    ((q("orderAsc", "$updatedAt"), q("cursorBefore", "", "{id}")), ""),
    ((q("equal", "$id", "{id}"),), ""),
    ((q("greaterThan", "$createdAt", "2001-09-09T03:05:00.000+00:00"),), ""),
]
_NAMED = [
    ((q("orderAsc", "name"),), ""),
    ((q("orderAsc", "name"), q("cursorAfter", "", "{id}")), ""),
    ((q("equal", "name", "Ada Last0"),), ""),
]
_SEARCHED = [((), "last4711"), ((), "ada last47"), ((), "ada"), ((q("cursorAfter", "", "{id}"),), "last47")]
SHAPES: list[tuple[Callable[[Work, Wish], Any], dict[str, Attribute], str, list[tuple[tuple[str, ...], str]]]] = [
    (contacts, lists.USERS, f"c{_MIDDLE}", [
        *_COMMON, *_NAMED, *_SEARCHED,
        ((q("equal", "email", "c9@example.org"),), ""), ((q("equal", "phone", "+4930123456"),), ""),
        ((q("equal", "status", False),), ""), ((), '"ada last0"'),
    ]),
    (subscribers, lists.SUBSCRIBERS, f"stc{_MIDDLE}", [
        *_COMMON, ((q("equal", "userId", "c9"),), ""), ((q("equal", "targetId", "tc9"),), ""), ((), "c9"),
        ((), "tc9"), ((), "stc9"),
    ]),
    (messages, lists.MESSAGES, f"mc{_MIDDLE}", [
        *_COMMON, *_SEARCHED, ((q("equal", "status", "failed"),), ""), ((), "failed last0"),
    ]),
    (files, lists.FILES, f"fc{_MIDDLE}", [*_COMMON, *_NAMED, *_SEARCHED]),
]  # fmt: skip


def faults_of(shop: Workshop, statement: str, parameters: Any) -> list[str]:
    """The steps of its plan that cost more, the longer the list is."""
    with shop.database.connect() as connection:
        if shop.database.is_sqlite:
            steps = [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)]
            if any(part in statement for part in OF_FEW):
                return []
            sorts = [step for step in steps if "TEMP B-TREE FOR ORDER BY" in step]
            scans = [step for step in steps if step.startswith("SCAN") and step.split()[1] in LONG]
            return sorts + [step for step in scans if not _is_walk(statement, step.split()[1])]
        plan = connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {statement}", parameters).scalar()
        return list(_bad_steps(plan[0]["Plan"]))


def _is_walk(statement: str, table: str) -> bool:
    """Whether rows are read in the order of their numbers until the page is full, and no further."""
    return f"ORDER BY {table}.pk" in statement and "LIMIT" in statement


def _bad_steps(plan: dict[str, Any]) -> Iterator[str]:
    is_full = plan["Node Type"] == "Seq Scan" and plan["Relation Name"] in LONG
    is_sorted = plan["Node Type"] == "Sort" and plan["Plan Rows"] > 2_000
    if is_full or is_sorted:
        yield f"{plan['Node Type']} {plan.get('Relation Name', '')} of {plan['Plan Rows']} rows"
    for part in plan.get("Plans", ()):
        yield from _bad_steps(part)


@pytest.fixture
def long(any_workshop: Workshop) -> Workshop:
    fill(any_workshop, PEOPLE)
    return any_workshop


def test_no_page_of_a_long_list_is_found_by_reading_or_sorting_all_of_it(long: Workshop, actor: Actor) -> None:
    found: list[str] = []
    for show, attributes, cursor, shapes in SHAPES:
        for texts, search in shapes:
            query = parse_queries([each.replace("{id}", cursor) for each in texts], attributes)
            with heard() as asked, long.read(actor) as work:
                show(work, Wish(query, search, wants_total=False))
            assert asked, f"{show.__name__} asked for nothing"
            for statement, parameters in asked:
                if faults := faults_of(long, statement, parameters):
                    found.append(f"{show.__name__} {texts} {search!r}: {faults}\n    {statement}")
    assert not found, "\n".join(found)
