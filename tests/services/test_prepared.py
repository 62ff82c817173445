"""Prepared statements: the same rows as a session gives, in the same transaction, with the same errors."""

import threading

import pytest
from sqlalchemy import bindparam, insert, select
from sqlalchemy.exc import DBAPIError, OperationalError

from app.domain.errors import Conflict, Unavailable
from app.domain.permissions import Actor
from app.infra.db import Database
from app.infra.prepared import Prepared
from app.models.messages import Message
from app.models.topics import Topic
from app.services.work import Work, Workshop
from tests import factories

_MESSAGES = Prepared(
    select(Message.id, Message.created_at, Message.scheduled_at, Message.audience, Message.is_demo)
    .where(Message.project_pk == bindparam("project"), Message.channel == "email")
    .order_by(Message.pk)
)
_TOPIC = Prepared(select(Topic.name, Topic.email_total).where(Topic.id == bindparam("id")))
_ADDED = Prepared(
    insert(Topic.__table__).inline(),  # type: ignore[arg-type] # a table, whatever its type says
    "id", "project_pk", "name", "description", "subscribe", "words", "is_demo", "created_at", "updated_at",
    "email_total", "sms_total", "push_total", "left_total",
)  # fmt: skip


def _add_topic(work: Work, topic_id: str) -> None:
    work.change(
        _ADDED, id=topic_id, project_pk=work.project_pk, name="News", description="", subscribe=["users"], words="",
        is_demo=False, email_total=0, sms_total=0, push_total=0, left_total=0, **work.stamp(),
    )  # fmt: skip


def test_rows_hold_what_a_session_would_give(any_workshop: Workshop, actor: Actor) -> None:
    with any_workshop.open(actor) as work:
        message = factories.make_message(work.session, body="Hello", audience={"topics": ["a"]})
        message.scheduled_at = None

    with any_workshop.look(actor) as work:
        (row,) = work.rows(_MESSAGES, project=1)

    assert (row.id, row.created_at, row.scheduled_at) == (message.id, message.created_at, None)
    assert row.created_at.utcoffset() is not None
    assert (row.audience, bool(row.is_demo)) == (message.audience, False)
    assert row.audience["topics"] == ["a"]


def test_a_work_that_writes_sees_what_it_changed_and_undoes_it_all(any_workshop: Workshop, actor: Actor) -> None:
    def fail_after_both_ways() -> None:
        with any_workshop.open(actor) as work:
            work.session.add(Topic(id="by-session", project_pk=1, name="One", subscribe=[], **work.stamp()))
            assert work.row(_TOPIC, id="by-session").name == "One", "the session had not written it yet"
            _add_topic(work, "by-statement")
            work.audit("topic.create", "topic/by-statement")
            assert work.session.scalar(select(Topic.name).where(Topic.id == "by-statement")) == "News"
            raise ValueError

    with pytest.raises(ValueError):  # noqa: PT011 - it is ours, and says nothing
        fail_after_both_ways()
    with any_workshop.look(actor) as work:
        assert work.row(_TOPIC, id="by-session") is None
        assert work.row(_TOPIC, id="by-statement") is None


def test_what_cannot_be_is_said_in_the_same_words(any_workshop: Workshop, actor: Actor) -> None:
    with any_workshop.open(actor) as work:
        _add_topic(work, "news")

    def add_again() -> None:
        with any_workshop.open(actor) as work:
            _add_topic(work, "news")

    with pytest.raises(Conflict, match="the same thing at the same moment"):
        add_again()
    with any_workshop.look(actor) as work:
        assert work.row(_TOPIC, id="news").email_total == 0


def test_a_look_sees_what_is_committed_and_never_writes(any_workshop: Workshop, actor: Actor) -> None:
    with any_workshop.look(actor) as looking:
        assert looking.row(_TOPIC, id="news") is None
        with any_workshop.open(actor) as work:
            _add_topic(work, "news")
        assert looking.row(_TOPIC, id="news").name == "News", "it was looked at anew"
        with pytest.raises(RuntimeError):
            _add_topic(looking, "other")
        assert looking.session.scalar(select(Topic.name).where(Topic.id == "news")) == "News"


def test_a_look_that_failed_leaves_nothing_behind(any_workshop: Workshop, actor: Actor) -> None:
    broken = Prepared(select(Topic.id).where(Topic.pk == 1).with_only_columns(Topic.id).prefix_with("NONSENSE"))

    def look_wrongly() -> None:
        with any_workshop.look(actor) as work:
            work.rows(broken)

    for _ in range(20):  # more often than there are connections
        with pytest.raises((Unavailable, DBAPIError)):  # which of them, depends on the database
            look_wrongly()
    with any_workshop.look(actor) as work:
        assert work.row(_TOPIC, id="news") is None


def test_threads_look_at_once_and_each_at_its_own_rows(any_workshop: Workshop, actor: Actor) -> None:
    with any_workshop.open(actor) as work:
        for number in range(8):
            _add_topic(work, f"t{number}")
    wrong: list[str] = []

    def look(topic_id: str) -> None:
        for _ in range(50):
            try:
                with any_workshop.look(actor) as work:
                    row = work.row(_TOPIC, id=topic_id)
            except Unavailable as error:
                wrong.append(str(error))
                continue
            if row is None or row.name != "News":
                wrong.append(topic_id)

    threads = [threading.Thread(target=look, args=(f"t{number}",)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert wrong == []


@pytest.mark.parametrize(
    "url", ["sqlite:////nowhere/at/all.sqlite3", "postgresql+psycopg://nobody@127.0.0.1:1/nowhere?connect_timeout=1"]
)
def test_a_database_that_is_away_is_said_as_sessions_say_it(url: str) -> None:
    database = Database(url)
    with pytest.raises(OperationalError), database.look():
        pass
    database.close()
