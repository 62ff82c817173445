"""Topics and subscribers: totals always equal the rows, pasted addresses are told apart."""

import pytest

from app.domain.errors import Conflict, Forbidden, Invalid, NotFound
from app.domain.permissions import Actor
from app.services.lists.listing import Cursor
from app.services.people import subscribers, topic_totals, topics
from app.services.work import Workshop
from tests import factories


def test_a_topic_is_added_with_an_id_of_ones_own(workshop: Workshop, actor: Actor) -> None:
    with workshop.open(actor) as work:
        topics.create_topic(work, name=" News ", topic_id="news")
    with workshop.read(actor) as work:
        assert topics.find_topic(work, "news").name == "News"
    with pytest.raises(Conflict, match="id news exists already"), workshop.open(actor) as work:
        topics.create_topic(work, name="Other", topic_id="news")


@pytest.mark.parametrize("name", ["", " ", "x" * 129, "a\nb", "a\0b"])
def test_a_name_that_cannot_be_is_refused_in_words(workshop: Workshop, actor: Actor, name: str) -> None:
    with workshop.open(actor) as work, pytest.raises(Invalid, match="Name needs 1 to 128 characters"):
        topics.create_topic(work, name=name)


def test_totals_follow_every_subscription(any_workshop: Workshop, actor: Actor) -> None:
    with any_workshop.open(actor) as work:
        contact = factories.make_contact(work.session)
        email = factories.make_target(work.session, contact, address="a@example.org")
        phone = factories.make_target(work.session, contact, address="+491701234567", channel="sms")
        topic = topics.create_topic(work, name="News")
    with any_workshop.open(actor) as work:
        first = subscribers.subscribe(work, topic.id, email.id)
        subscribers.subscribe(work, topic.id, phone.id)
        found = topics.find_topic(work, topic.id)
        assert (found.email_total, found.sms_total, topics.total_of(found)) == (1, 1, 2)
    with any_workshop.open(actor) as work:
        assert subscribers.unsubscribe(work, topic.id, first.id) == "a@example.org"
        assert topics.find_topic(work, topic.id).email_total == 0
        assert topic_totals.recount(work) == 0


def test_nobody_is_subscribed_twice(workshop: Workshop, actor: Actor) -> None:
    with workshop.open(actor) as work:
        target = factories.make_target(work.session, factories.make_contact(work.session), address="a@example.org")
        topic = factories.make_topic(work.session, targets=[target])
    with pytest.raises(Conflict, match=r"a@example.org is in News already"), workshop.open(actor) as work:
        subscribers.subscribe(work, topic.id, target.id)


def test_pasted_addresses_are_added_known_or_unknown(any_workshop: Workshop, actor: Actor) -> None:
    with any_workshop.open(actor) as work:
        ann = factories.make_contact(work.session, name="Ann", phone="+491701234567")
        email = factories.make_target(work.session, ann, address="Ann@example.org")
        topic = factories.make_topic(work.session, targets=[email])
    with any_workshop.open(actor) as work:
        pasted = subscribers.subscribe_addresses(
            work, topic.id, "ANN@example.org, 0049 170 1234567\nnobody@example.org;ann@example.org"
        )
        assert (pasted.added, pasted.already, pasted.unknown) == (1, 1, ["nobody@example.org"])
        assert topics.find_topic(work, topic.id).sms_total == 1
        assert topic_totals.recount(work) == 0


def test_an_empty_paste_is_refused(workshop: Workshop, actor: Actor) -> None:
    with workshop.open(actor) as work:
        topic = topics.create_topic(work, name="News")
        with pytest.raises(Invalid, match="need at least one"):
            subscribers.subscribe_addresses(work, topic.id, " \n,")


def test_too_long_a_paste_points_to_the_import(workshop: Workshop, actor: Actor) -> None:
    with workshop.open(actor) as work:
        topic = topics.create_topic(work, name="News")
        with pytest.raises(Invalid, match="1,001; paste at most 1,000, or import a file"):
            subscribers.subscribe_addresses(work, topic.id, "\n".join(f"a{index}@example.org" for index in range(1001)))


def test_subscribers_are_searched_by_address_and_channel(workshop: Workshop, actor: Actor) -> None:
    with workshop.open(actor) as work:
        topic = factories.make_audience(work.session, 3)
        factories.make_suppression(work.session, "person1@example.org")
    with workshop.read(actor) as work:
        page = subscribers.list_subscribers(work, topic, Cursor(), search="PERSON1")
        assert [(row.address, row.suppressed_reason) for row in page.items] == [("person1@example.org", "unsubscribed")]
        assert not subscribers.list_subscribers(work, topic, Cursor(), channel="sms").items


def test_choices_say_who_is_in_the_topic_already(workshop: Workshop, actor: Actor) -> None:
    with workshop.open(actor) as work:
        topic = factories.make_audience(work.session, 1)
        factories.make_contact(work.session, name="Personne", email="other@example.org")
        found = subscribers.find_choices(work, topic, "person")
    assert [(choice.address, choice.is_subscribed) for choice in found] == [
        ("person0@example.org", True),
        ("other@example.org", False),
    ]


def test_a_broken_total_is_found_and_mended(workshop: Workshop, actor: Actor) -> None:
    with workshop.open(actor) as work:
        topic = factories.make_audience(work.session, 2)
        topic.email_total = 7
        work.session.flush()
        assert topic_totals.recount(work) == 1
        assert topic.email_total == 2


def test_deleting_a_topic_leaves_contacts_alone(workshop: Workshop, actor: Actor) -> None:
    with workshop.open(actor) as work:
        topic = factories.make_audience(work.session, 2)
        topics.delete_topic(work, topic.id)
        with pytest.raises(NotFound):
            topics.find_topic(work, topic.id)


def test_an_operator_may_not_change_topics(workshop: Workshop, operator: Actor) -> None:
    with workshop.open(operator) as work, pytest.raises(Forbidden):
        topics.create_topic(work, name="News")


def test_topics_are_found_by_the_beginning_of_their_name(workshop: Workshop, actor: Actor) -> None:
    with workshop.open(actor) as work:
        for name in ("News", "Offers", "new arrivals"):
            topics.create_topic(work, name=name)
        found = topics.list_topics(work, Cursor(), search="NEW")
    assert [topic.name for topic in found.items] == ["new arrivals", "News"]
