"""Two who take the same address out of a topic at one moment: it counts once. Only PostgreSQL lets them meet."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest
from sqlalchemy import select

from app.domain.errors import NotFound
from app.domain.permissions import Actor
from app.models.topics import Subscriber, Topic
from app.services.people import contacts, subscribers
from app.services.work import Work, Workshop
from tests import factories
from tests.postgres import wait_for_a_lock

ON_POSTGRESQL = pytest.mark.parametrize(
    "any_database_url", [pytest.param("postgresql", marks=pytest.mark.postgresql)], indirect=True
)
Act = Callable[[Work, str, str, str], object]  # with the ids of topic, subscriber and contact


def unsubscribe(work: Work, topic_id: str, subscriber_id: str, _contact_id: str) -> None:
    subscribers.unsubscribe(work, topic_id, subscriber_id)


def delete_contact(work: Work, _topic_id: str, _subscriber_id: str, contact_id: str) -> None:
    contacts.delete_contact(work, contact_id)


@ON_POSTGRESQL
@pytest.mark.parametrize("first", [unsubscribe, delete_contact])
def test_who_leaves_twice_at_one_moment_is_counted_once(any_workshop: Workshop, actor: Actor, first: Act) -> None:
    with any_workshop.database.begin() as session:
        people = [factories.make_contact(session, name=name) for name in ("Ann", "Ben")]
        targets = [factories.make_target(session, each, address=f"{each.name}@example.org") for each in people]
        topic = factories.make_topic(session, targets=targets)
        mine = session.scalar(select(Subscriber.id).where(Subscriber.target_pk == targets[0].pk))
        assert mine is not None
        ids = topic.id, mine, people[0].id

    def second() -> None:
        with suppress(NotFound), any_workshop.open(actor) as work:
            unsubscribe(work, *ids)

    with ThreadPoolExecutor(1) as pool:
        with any_workshop.open(actor) as work:
            first(work, *ids)
            work.session.flush()
            other = pool.submit(second)
            wait_for_a_lock(any_workshop.database)
        other.result(10)
    with any_workshop.database.read() as session:
        assert session.scalars(select(Topic.email_total)).all() == [1]
