"""Numbers that no row can have: lists answer them as any other, on every database."""

import pytest

from app.api import lists
from app.domain.list_query import ListQuery, parse_queries
from app.domain.permissions import Actor
from app.services.people import topics
from app.services.programs import shelves
from app.services.programs.shelves import Wish
from app.services.work import Workshop
from tests.services.long_lists import q


@pytest.mark.parametrize(
    ("query", "count"),
    [
        (q("equal", "emailTotal", 2**40), 0),
        (q("equal", "emailTotal", 0, 2**63 - 1), 1),
        (q("notEqual", "smsTotal", -(2**63)), 1),
        (q("between", "$sequence", -(2**63), 2**63 - 1), 1),
        (q("greaterThan", "pushTotal", 2**31), 0),
        (q("offset", "", 2**63 - 1), 0),
    ],
)
def test_a_number_beyond_every_column_is_only_a_number(
    any_workshop: Workshop, actor: Actor, query: str, count: int
) -> None:
    with any_workshop.open(actor) as work:
        topics.create_topic(work, name="News")
        assert len(shelves.list_topics(work, Wish(parse_queries([query], lists.TOPICS))).rows) == count
        assert shelves.list_contacts(work, Wish(ListQuery(), "nobody")).total == 0
