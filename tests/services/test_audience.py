"""Who gets a message: the picker, what was chosen, and the equation."""

import random
from collections import OrderedDict
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.permissions import Actor
from app.engine import fanout, ledger
from app.engine.machine import Machine
from app.models.contacts import Contact
from app.models.messages import Message
from app.models.targets import Target
from app.services.messages import audience
from app.services.messages.audience import Equation
from app.services.people import contacts, subscribers, topic_members
from app.services.work import Workshop
from tests.factories import (
    make_audience,
    make_contact,
    make_message,
    make_suppression,
    make_target,
    make_topic,
    subscribe,
)


def solve(workshop: Workshop, actor: Actor, **chosen: Any) -> Equation:
    with workshop.read(actor) as work:
        return audience.equation(work, "email", {"topics": [], "contacts": [], "targets": [], **chosen})


def test_nobody_chosen_is_nobody(workshop: Workshop, composer: Actor) -> None:
    equation = solve(workshop, composer)
    assert (equation.total, equation.is_empty) == (0, True)


def test_every_term_of_the_equation_is_counted_and_the_sum_is_right(workshop: Workshop, composer: Actor) -> None:
    with workshop.database.begin() as session:
        news = make_audience(session, 10)
        ann, ben, cem = (make_contact(session, name=name) for name in ("Ann", "Ben", "Cem"))
        both = make_target(session, ann, address="ann@example.org")
        old = make_target(session, ben, address="ben@example.org", is_expired=True)
        sale = make_topic(session, name="Sale", targets=[both, old])
        subscribe(session, news, both)
        for index, reason in enumerate(("unsubscribed", "unsubscribed", "hard_bounce")):
            make_suppression(session, f"person{index}@example.org", reason=reason)
    equation = solve(workshop, composer, topics=[news.id, sale.id], contacts=[ann.id, cem.id])
    assert equation == Equation(
        topics=2, in_topics=13, people=2, duplicates=2, suppressed={"unsubscribed": 2, "hard_bounce": 1}, expired=1,
        without_address=1,
    )  # fmt: skip
    assert equation.total == 13 + 2 - 2 - 3 - 1 - 1


def test_an_address_that_is_suppressed_and_expired_is_taken_away_once(workshop: Workshop, composer: Actor) -> None:
    with workshop.database.begin() as session:
        ann = make_contact(session)
        make_target(session, ann, address="ann@example.org", is_expired=True)
        make_suppression(session, "ann@example.org")
    equation = solve(workshop, composer, contacts=[ann.id])
    assert (equation.suppressed_total, equation.expired, equation.total) == (1, 0, 0)


def test_targets_of_other_channels_do_not_count(workshop: Workshop, composer: Actor) -> None:
    with workshop.database.begin() as session:
        ann = make_contact(session, email="ann@example.org")
        phone = make_target(session, ann, address="+491701234567", channel="sms")
        topic = make_topic(session, targets=[phone])
    assert solve(workshop, composer, topics=[topic.id], contacts=[ann.id]).total == 1


def _crowd(session: Session, seed: int) -> dict[str, list[str]]:
    """A random town: people with some addresses, topics that overlap, suppressed and expired ones among them."""
    dice = random.Random(seed)
    targets, contacts = [], []
    for number in range(60):
        contact = make_contact(session, name=f"P{number}")
        contacts.append(contact)
        for part in range(dice.choice((0, 1, 1, 1, 2))):
            address = f"p{number}.{part}@example.org"
            targets.append(make_target(session, contact, address=address, is_expired=dice.random() < 0.1))
            if dice.random() < 0.2:
                make_suppression(session, address, reason=dice.choice(("unsubscribed", "hard_bounce", "complaint")))
        if dice.random() < 0.3:
            targets.append(make_target(session, contact, address=f"+49170{number:07}", channel="sms"))
    topics = [make_topic(session, targets=dice.sample(targets, dice.randint(0, 40))) for _ in range(4)]
    return {
        "topics": [topic.id for topic in dice.sample(topics, dice.randint(1, 4))],
        "contacts": [contact.id for contact in dice.sample(contacts, dice.randint(0, 8))],
        "targets": [target.id for target in dice.sample(targets, dice.randint(0, 8))],
    }


@pytest.mark.parametrize("seed", range(6))
def test_every_way_of_counting_finds_as_many_as_delivery_reaches(
    any_workshop: Workshop, composer: Actor, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    with any_workshop.database.begin() as session:
        chosen = _crowd(session, seed)
        message = make_message(session, audience=chosen, status="processing")
    each = solve(any_workshop, composer, **chosen)
    monkeypatch.setattr(audience, "SMALL", -1)
    through_an_index = solve(any_workshop, composer, **chosen)
    monkeypatch.setattr(audience, "FEW_BESIDE", -1)
    as_sets = solve(any_workshop, composer, **chosen)
    assert each == through_an_index == as_sets
    assert each.total == _reached(any_workshop, message)


def _reached(shop: Workshop, message: Message) -> int:
    """How many deliveries the engine plans for the message that are not left out."""
    fanout.expand(Machine(shop.settings, shop.database, shop.broker, shop.clock, shop.vault), message.pk)
    with shop.database.read() as session:
        tally = ledger.tally_of(session, message.pk)
    assert tally is not None
    return tally.queued


def test_a_set_that_is_kept_follows_who_comes_and_who_leaves(
    any_workshop: Workshop, actor: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audience, "SMALL", -1)
    monkeypatch.setattr(audience, "FEW_BESIDE", -1)
    with any_workshop.database.begin() as session:
        news, sale = make_audience(session, 5), make_audience(session, 0, topic="Sale")
        targets = [make_target(session, make_contact(session), address=f"new{place}@example.org") for place in range(2)]

    one, other = targets

    def count() -> int:
        return solve(any_workshop, actor, topics=[news.id, sale.id], targets=[other.id]).reachable

    assert count() == 5 + 1
    with any_workshop.open(actor) as work:
        first = subscribers.subscribe(work, sale.id, one.id)
    assert count() == 5 + 2
    with any_workshop.open(actor) as work:  # as many as before, and the row with the highest number is one again
        subscribers.unsubscribe(work, sale.id, first.subscriber.id)
        subscribers.subscribe(work, sale.id, other.id)
    assert count() == 5 + 1
    with any_workshop.open(actor) as work:
        subscribers.subscribe(work, news.id, one.id)
    assert count() == 5 + 2
    with any_workshop.open(actor) as work:
        contacts.delete_contact(work, work.session.get(Contact, one.contact_pk).id)
    assert count() == 5 + 1


def test_only_sets_that_are_asked_for_lately_are_kept(
    workshop: Workshop, composer: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(topic_members, "KEPT_AT_MOST", 2)
    monkeypatch.setattr(topic_members, "_known", OrderedDict())
    monkeypatch.setattr(topic_members, "PIECE", 3)
    with workshop.database.begin() as session:
        first = make_audience(session, 7)
        second = make_topic(session, name="Sale", targets=session.scalars(select(Target)).all())
    with workshop.read(composer) as work:
        assert [len(topic_members.members_of(work, topic, "email")) for topic in (first, second)] == [7, 7]
    assert len(topic_members._known) == 1


def test_the_picker_finds_topics_by_part_and_people_by_beginning(workshop: Workshop, composer: Actor) -> None:
    with workshop.database.begin() as session:
        make_topic(session, name="Old anna news")
        make_contact(session, name="Anna Berg", email="berg@example.org")
        make_contact(session, name="Johanna", email="anna.j@example.org")
    with workshop.read(composer) as work:
        found = [(choice.kind, choice.name) for choice in audience.search(work, "email", "anna", {})]
    assert found == [("topics", "Old anna news"), ("contacts", "Anna Berg"), ("targets", "anna.j@example.org")]


def test_the_picker_leaves_out_what_is_chosen(workshop: Workshop, composer: Actor) -> None:
    with workshop.database.begin() as session:
        topic = make_topic(session, name="News")
    with workshop.read(composer) as work:
        assert audience.search(work, "email", "", {"topics": [topic.id]}) == []


def test_the_picker_takes_percent_as_it_is(workshop: Workshop, composer: Actor) -> None:
    with workshop.database.begin() as session:
        make_topic(session, name="News")
    with workshop.read(composer) as work:
        assert audience.search(work, "email", "%", {}) == []


def test_a_topic_that_vanished_is_named_as_deleted(workshop: Workshop, composer: Actor) -> None:
    with workshop.read(composer) as work:
        chips = audience.chosen(work, "email", {"topics": ["gone"], "contacts": [], "targets": []})
    assert [(chip.name, chip.is_gone) for chip in chips] == [("deleted topic", True)]


def test_topics_of_another_project_are_not_seen(workshop: Workshop, composer: Actor) -> None:
    with workshop.database.begin() as session:
        topic = make_topic(session, name="News")
        topic.project_pk = 1
    other = Actor(composer.kind, composer.name, 2, 1, composer.permissions)
    with workshop.read(other) as work:
        assert audience.search(work, "email", "News", {}) == []
        assert audience.equation(work, "email", {"topics": [topic.id]}).total == 0


def test_copies_and_raw_addresses_of_a_program_are_counted_once_each(any_workshop: Workshop, composer: Actor) -> None:
    with any_workshop.database.begin() as session:
        ann = make_target(session, make_contact(session), address="ann@example.org")
        ben = make_target(session, make_contact(session), address="ben@example.org")
        make_target(session, make_contact(session), address="cleo@example.org")
        news = make_topic(session, targets=[ann])
        make_suppression(session, "dora@example.org")
    raw = ["Ann@example.org", "cleo@example.org", "dora@example.org", "eve@example.org", "EVE@example.org"]
    found = solve(any_workshop, composer, topics=[news.id], cc=[ben.id], bcc=[ann.id, ben.id], emails=raw)
    assert (found.in_topics, found.people, found.reachable, found.total) == (1, 7, 5, 4)
    assert found.suppressed == {"unsubscribed": 1}


def test_raw_addresses_alone_are_an_audience(workshop: Workshop, composer: Actor) -> None:
    found = solve(workshop, composer, emails=["eve@example.org"])
    assert (found.people, found.total, found.is_empty) == (1, 1, False)


def test_a_large_topic_with_raw_addresses_is_counted_like_a_small_one(
    workshop: Workshop, composer: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    with workshop.database.begin() as session:
        news = make_audience(session, 30)
    chosen = {"topics": [news.id], "emails": ["person1@example.org", "new@example.org"]}
    small = solve(workshop, composer, **chosen)
    monkeypatch.setattr(audience, "SMALL", 5)
    assert solve(workshop, composer, **chosen) == small
    assert small.total == 31
