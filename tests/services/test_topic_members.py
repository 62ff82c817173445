"""Sets of large topics: written down by jobs, followed by who left and who came, read anew when that cannot be told."""

import random
import threading
from collections.abc import Iterator

import pytest
from sqlalchemy import func, select, update

from app.domain.permissions import Actor
from app.models.targets import Target
from app.models.topic_sets import TopicLeaver, TopicSet
from app.models.topics import Subscriber, Topic
from app.services.people import contacts, subscribers, topic_members, topic_totals, topics
from app.services.previews import lint_run
from app.services.work import Workshop
from tests.factories import make_audience, make_contact, make_target, make_topic
from tests.services.linted import draft
from tests.statements import heard


@pytest.fixture(autouse=True)
def _all_topics_are_large(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(topic_members, "LARGE", 1)
    monkeypatch.setattr(topic_members, "WORN", 3)
    topic_members.forget_all()
    yield
    topic_members.forget_all()


def ask(shop: Workshop, actor: Actor, topic: Topic, channel: str = "email") -> tuple[list[int], bool]:
    """The members that are told of, and whether all subscribers were read for that."""
    with shop.read(actor) as work:
        found = work.session.get_one(Topic, topic.pk)
        everybody = list(work.session.scalars(select(Target.pk).order_by(Target.pk)))
        with heard() as asked:
            members = topic_members.members_of(work, found, channel)
        assert len(members) == topic_totals.total_of(found, channel)
        return members.shared_with(everybody), any("LIMIT" in statement for statement, _ in asked)


def truly(shop: Workshop, topic: Topic, channel: str = "email") -> list[int]:
    """The members by the subscribers themselves."""
    with shop.database.read() as session:
        mine = select(Target.pk).join(Subscriber, Subscriber.target_pk == Target.pk).order_by(Target.pk)
        return list(session.scalars(mine.where(Subscriber.topic_pk == topic.pk, Target.channel == channel)))


def join(shop: Workshop, actor: Actor, topic: Topic, target: Target) -> None:
    with shop.open(actor) as work:
        subscribers.subscribe(work, topic.id, target.id)


def go(shop: Workshop, actor: Actor, topic: Topic, target_pk: int) -> None:
    with shop.open(actor) as work:
        mine = select(Subscriber.id).where(Subscriber.topic_pk == topic.pk, Subscriber.target_pk == target_pk)
        subscribers.unsubscribe(work, topic.id, work.session.scalars(mine).one())


def leavers(shop: Workshop) -> int:
    with shop.database.read() as session:
        return session.scalar(select(func.count()).select_from(TopicLeaver)) or 0


def test_the_first_question_of_a_process_finds_what_a_job_wrote_down(any_workshop: Workshop, actor: Actor) -> None:
    with any_workshop.database.begin() as session:
        news = make_audience(session, 6)
        late = make_target(session, make_contact(session), address="late@example.org")
    assert ask(any_workshop, actor, news) == (truly(any_workshop, news), True)
    topic_members.keep(any_workshop, 1)
    for change in (
        lambda: None,
        lambda: go(any_workshop, actor, news, truly(any_workshop, news)[2]),
        lambda: join(any_workshop, actor, news, late),
        lambda: go(any_workshop, actor, news, late.pk),
        lambda: join(any_workshop, actor, news, late),
    ):
        change()
        topic_members.forget_all()
        assert ask(any_workshop, actor, news) == (truly(any_workshop, news), False)


def test_who_is_deleted_with_all_addresses_is_out_of_every_set_at_once(any_workshop: Workshop, actor: Actor) -> None:
    with any_workshop.database.begin() as session:
        news = make_audience(session, 4)
        both = make_contact(session)
        targets = [make_target(session, both, address="x@example.org"),
                   make_target(session, both, channel="sms", address="+4930123456")]  # fmt: skip
        sale = make_topic(session, name="Sale", targets=targets)
    for target in targets:
        join(any_workshop, actor, news, target)
    topic_members.keep(any_workshop, 1)
    with any_workshop.open(actor) as work:
        contacts.delete_contact(work, both.id)
    topic_members.forget_all()
    for topic in (news, sale):
        for channel in ("email", "sms"):
            assert ask(any_workshop, actor, topic, channel) == (truly(any_workshop, topic, channel), False)


def test_whatever_comes_and_goes_a_set_says_who_is_there(any_workshop: Workshop, actor: Actor) -> None:
    dice = random.Random("who is there")
    with any_workshop.database.begin() as session:
        news = make_audience(session, 5)
        people = list(session.scalars(select(Target)))
        people += [make_target(session, make_contact(session), address=f"n{n}@example.org") for n in range(5)]
    for _ in range(80):
        there = set(truly(any_workshop, news))
        target = dice.choice(people)
        if target.pk in there:
            go(any_workshop, actor, news, target.pk)
        else:
            join(any_workshop, actor, news, target)
        for act in (topic_members.forget_all, lambda: topic_members.keep(any_workshop, 1)):
            if dice.random() < 0.3:
                act()
        assert ask(any_workshop, actor, news)[0] == truly(any_workshop, news)
    assert leavers(any_workshop) <= topic_members.WORN + 1, "leavers that every set knows are forgotten"


def test_nobody_is_noted_where_no_set_would_have_to_know(
    any_workshop: Workshop, actor: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(topic_totals, "MOST_LEAVERS", 2)
    with any_workshop.database.begin() as session:
        news = make_audience(session, 9)
    go(any_workshop, actor, news, truly(any_workshop, news)[0])
    assert leavers(any_workshop) == 0
    topic_members.keep(any_workshop, 1)
    for noted in (1, 2, 2, 2):
        go(any_workshop, actor, news, truly(any_workshop, news)[0])
        assert leavers(any_workshop) == noted
    topic_members.forget_all()
    assert ask(any_workshop, actor, news) == (truly(any_workshop, news), True)
    topic_members.keep(any_workshop, 1)
    topic_members.forget_all()
    assert ask(any_workshop, actor, news) == (truly(any_workshop, news), False)
    assert leavers(any_workshop) == 0


def test_totals_that_were_counted_anew_make_a_set_be_read_anew(any_workshop: Workshop, actor: Actor) -> None:
    with any_workshop.database.begin() as session:
        news = make_audience(session, 4)
    topic_members.keep(any_workshop, 1)
    with any_workshop.open(actor) as work:
        work.session.execute(update(Topic).values(email_total=7))
        assert topic_totals.recount(work) == 1
    assert ask(any_workshop, actor, news) == (truly(any_workshop, news), True)
    topic_members.forget_all()
    topic_members.keep(any_workshop, 1)
    assert ask(any_workshop, actor, news) == (truly(any_workshop, news), False)


def test_looking_at_a_draft_writes_down_the_sets_of_its_topics_and_of_no_others(
    any_workshop: Workshop, composer: Actor
) -> None:
    with any_workshop.database.begin() as session:
        news = make_audience(session, 3)
        make_topic(session, name="Other", targets=session.scalars(select(Target)).all())
    lint_run.run(any_workshop, draft(any_workshop, composer, {"body": "Hello"}, topics=[news.id]).pk)
    with any_workshop.database.read() as session:
        assert session.execute(select(TopicSet.topic_pk, TopicSet.channel, TopicSet.total)).all() == [
            (news.pk, "email", 3)
        ]


def test_two_that_write_a_set_down_at_the_same_moment_hinder_nobody(any_workshop: Workshop, actor: Actor) -> None:
    with any_workshop.database.begin() as session:
        news = make_audience(session, 3)
    together = [threading.Thread(target=topic_members.keep, args=(any_workshop, 1)) for _ in range(4)]
    for thread in together:
        thread.start()
    for thread in together:
        thread.join()
    topic_members.forget_all()
    assert ask(any_workshop, actor, news) == (truly(any_workshop, news), False)


def test_a_topic_that_is_deleted_takes_its_sets_and_leavers_along(any_workshop: Workshop, actor: Actor) -> None:
    with any_workshop.database.begin() as session:
        news = make_audience(session, 3)
    topic_members.keep(any_workshop, 1)
    go(any_workshop, actor, news, truly(any_workshop, news)[0])
    with any_workshop.open(actor) as work:
        topics.delete_topic(work, news.id)
    with any_workshop.database.read() as session:
        assert [session.scalar(select(func.count()).select_from(table)) for table in (TopicSet, TopicLeaver)] == [0, 0]
