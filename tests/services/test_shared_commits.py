"""Works that share a commit: each is whole or not at all by itself, and nobody is answered before all of it is kept."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import pytest
from sqlalchemy import event, select, text
from sqlalchemy.exc import OperationalError

from app.domain.errors import Conflict, Invalid, Unavailable
from app.domain.permissions import Actor
from app.infra.prepared import Prepared
from app.models.topics import Subscriber, Topic
from app.services.work import Work, Workshop

THREADS = 8
RENAME = Prepared(text("UPDATE topics SET name = :name WHERE id = :id"))
Act = Callable[[Work], Any]


def make_topic(topic_id: str) -> Act:
    """Writes with a session and with a prepared statement, leaves a trail and rings."""

    def act(work: Work) -> str:
        work.session.add(Topic(id=topic_id, project_pk=1, name="?", subscribe=[], **work.stamp()))
        work.change(RENAME, name=topic_id.upper(), id=topic_id)
        work.audit("topic.create", f"topic/{topic_id}")
        work.ring("settle", topic_id)
        return topic_id

    return act


def topics_of(shop: Workshop, actor: Actor) -> dict[str, str]:
    with shop.read(actor) as work:
        return {topic.id: topic.name for topic in work.session.scalars(select(Topic))}


@contextmanager
def together(shop: Workshop, actor: Actor, *acts: Act) -> Iterator[list[Future[Any]]]:
    """All of them are brought while somebody else writes; the block runs before that one lets go."""
    brought = threading.Semaphore(0)

    def bring(act: Act) -> Any:
        brought.release()
        return shop.share(actor, act)

    with ThreadPoolExecutor(THREADS) as threads:
        with shop.database.begin() as session:
            session.connection()
            futures = [threads.submit(bring, act) for act in acts]
            for _ in acts:
                assert brought.acquire(timeout=10)
            threading.Event().wait(0.1)  # from there to the queue it is a step
            yield futures
        for future in futures:
            future.exception(30)


@pytest.fixture
def workshop(sqlite_workshop: Workshop) -> Workshop:
    """On PostgreSQL commits are not shared."""
    return sqlite_workshop


@pytest.fixture
def commits(workshop: Workshop) -> list[int]:
    """One number for each commit from now on."""
    found: list[int] = []
    event.listen(workshop.database.engine, "commit", lambda _connection: found.append(len(found)))
    return found


def test_those_who_wait_together_are_kept_by_one_commit(workshop: Workshop, actor: Actor, commits: list[int]) -> None:
    names = [f"t{number}" for number in range(THREADS)]
    with together(workshop, actor, *map(make_topic, names)) as futures:
        assert not any(future.done() for future in futures)
    assert [future.result() for future in futures] == names
    assert topics_of(workshop, actor) == {name: name.upper() for name in names}
    assert len(commits) <= 1 + THREADS // 2, "the writer in front, and those who came while it wrote"


def test_one_that_raises_is_undone_alone(any_workshop: Workshop, actor: Actor) -> None:
    def change_its_mind(work: Work) -> None:
        make_topic("half")(work)
        raise Invalid({"name": ["No."]})

    def be_second(work: Work) -> None:
        make_topic("extra")(work)
        work.session.add(Topic(id="first", project_pk=1, name="Again", subscribe=[], **work.stamp()))

    def speak_of_nobody(work: Work) -> None:
        make_topic("more")(work)
        work.session.flush()
        work.session.add(Subscriber(id="s", project_pk=1, topic_pk=77_777, target_pk=12_345, **work.stamp()))

    any_workshop.share(actor, make_topic("first"))
    acts = [make_topic("a"), change_its_mind, be_second, speak_of_nobody, make_topic("b")]
    with together(any_workshop, actor, *acts) as futures:
        pass
    assert (futures[0].result(), futures[4].result()) == ("a", "b")
    for future, kind in zip(futures[1:4], (Invalid, Conflict, Conflict), strict=True):
        assert isinstance(future.exception(), kind), future.exception()
    assert topics_of(any_workshop, actor) == {"first": "FIRST", "a": "A", "b": "B"}
    with any_workshop.read(actor) as work:
        trail = work.session.scalars(text("SELECT resource FROM audit_entries")).all()
    assert set(trail) == {"topic/first", "topic/a", "topic/b"}


def test_what_cannot_be_committed_is_told_to_all_and_rings_for_nobody(workshop: Workshop, actor: Actor) -> None:
    rung: list[Any] = []
    workshop.broker.ring = lambda *about, **_queue: rung.append(about)  # type: ignore[method-assign]
    refusing = True

    def refuse(_connection: Any) -> None:
        if refusing:
            raise OperationalError("COMMIT", None, Exception("disk I/O error"))

    event.listen(workshop.database.engine, "commit", refuse)
    with pytest.raises(OperationalError), together(workshop, actor, make_topic("a"), make_topic("b")) as futures:
        pass  # the writer in front cannot commit either
    assert all(isinstance(future.exception(), Unavailable) for future in futures)
    refusing = False
    assert (topics_of(workshop, actor), rung) == ({}, [])
    assert workshop.share(actor, make_topic("later")) == "later"
    assert rung == [("settle", "later")]


def test_a_transaction_that_sqlite_undid_is_no_success_of_anybody(workshop: Workshop, actor: Actor) -> None:
    """As it does when the disk is full: what would follow would be kept, or lost, one by one."""
    with together(
        workshop, actor, make_topic("a"), lambda work: work.change(Prepared(text("ROLLBACK"))), make_topic("b")
    ) as futures:  # fmt: skip
        pass
    assert all(isinstance(future.exception(), Unavailable) for future in futures), futures
    assert topics_of(workshop, actor) == {}
    assert workshop.share(actor, make_topic("later")) == "later"


def test_each_is_done_with_what_its_own_thread_knows(workshop: Workshop, actor: Actor) -> None:
    whose: ContextVar[int] = ContextVar("whose")
    kept: dict[int, int] = {}

    def say(work: Work) -> int:
        assert work.actor is actor
        return whose.get()

    def bring(number: int) -> None:
        whose.set(number)
        kept[number] = workshop.share(actor, say)

    with ThreadPoolExecutor(THREADS) as threads:
        list(threads.map(bring, range(100)))
    assert kept == {number: number for number in range(100)}
