"""Lists of programs at a million contacts (L1): the last page against the first, and what searches and filters take."""

import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from app.api import lists
from app.domain.list_query import ListQuery, parse_queries
from app.domain.permissions import Actor, ActorKind, Role, permissions_of
from app.models.topics import Topic
from app.services.programs import shelves
from app.services.programs.shelves import Wish
from app.services.work import Work, Workshop
from tests.bench.bench_fanout import workshop_of_its_own
from tests.bench.measure import Measurement, alternate
from tests.services.long_lists import fill, q

Show = Callable[[Work, Wish], Any]

OLGA = Actor(ActorKind.MEMBER, "Olga", project_pk=1, pk=1, permissions=permissions_of(frozenset({Role.ADMIN})))
SEARCHES = ("last4711", "ada last47", "ada", "l", "c77", "ex", "c9@example.org", '"ada last0"', "nobody")
FILTERS = (("email", "c9@example.org"), ("phone", "+49301"), ("name", "Ada Last0"), ("status", False))
CALLS = 20


def contacts(work: Work, wish: Wish) -> Any:
    """A page of /v1/users."""
    return shelves.list_contacts(work, wish)


def subscribers(work: Work, wish: Wish) -> Any:
    """A page of /v1/messaging/topics/{topicId}/subscribers."""
    return shelves.list_subscribers(work, work.session.get(Topic, 1), wish)


def measure(people: int, rounds: int) -> Iterator[Measurement]:
    """L1, in milliseconds a page; pages without their total, searches and filters with it, as the SDKs ask."""
    print(f"L1   lists of {people:,} contacts, {rounds} rounds", flush=True)
    with workshop_of_its_own() as shop:
        fill(shop, people, only_contacts=True)
        late, early = people - 30, 30
        for name, what, show, order, edge in (
            ("L1", "users as they came", contacts, (), f"c{late}"),
            ("L1b", "users, newest first", contacts, (q("orderDesc", "$createdAt"),), f"c{early}"),
            ("L1c", "users by name", contacts, (q("orderAsc", "name"),), _last_by_name(shop)),
            ("L1d", "subscribers of one topic", subscribers, (), f"stc{late}"),
        ):
            behind = (*order, q("cursorAfter", "", edge))
            ours, first = alternate(rounds, partial(_page, shop, show, behind), partial(_page, shop, show, order))
            ratios = [mine / theirs for mine, theirs in zip(ours, first, strict=True)]
            yield Measurement(name, f"{what}: last page against first", "ms", ours, first, ratios, at_most=2.0)
        for search in SEARCHES:
            took = [_milliseconds(shop, contacts, Wish(ListQuery(), search)) for _ in range(rounds)]
            yield Measurement("L1s", f"users, search {search}", "ms", took, at_most=50)
        for attribute, value in FILTERS:
            wish = Wish(parse_queries([q("equal", attribute, value)], lists.USERS))
            took = [_milliseconds(shop, contacts, wish) for _ in range(rounds)]
            yield Measurement("L1f", f"users, {attribute} equal", "ms", took, at_most=50)


def _last_by_name(shop: Workshop) -> str:
    with shop.read(OLGA) as work:
        query = parse_queries([q("orderDesc", "name"), q("limit", "", 30)], lists.USERS)
        return str(contacts(work, Wish(query, wants_total=False)).rows[-1].contact.id)


def _page(shop: Workshop, show: Show, queries: tuple[str, ...]) -> float:
    return _milliseconds(shop, show, Wish(parse_queries(queries, lists.USERS), wants_total=False))


def _milliseconds(shop: Workshop, show: Show, wish: Wish) -> float:
    """The best of some calls: what the page costs when nobody else has the processor."""
    best = float("inf")
    for _ in range(CALLS):
        with shop.read(OLGA) as work:
            began = time.perf_counter()
            show(work, wish)
            best = min(best, time.perf_counter() - began)
    return best * 1_000
