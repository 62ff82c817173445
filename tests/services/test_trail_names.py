"""The trail calls things by their names: as long as they are there, and after."""

import io
from dataclasses import replace
from datetime import date

import pytest

from app.domain.errors import Forbidden
from app.domain.permissions import Actor, ActorKind
from app.domain.prices import Tariff
from app.models.audit import AuditEntry
from app.services.lists.listing import Cursor
from app.services.messages import messages, templates
from app.services.people import contacts, imports, subscribers, suppressions, targets, topics
from app.services.providers import prices, providers
from app.services.providers.prices import Entry
from app.services.storage import files
from app.services.team import audit, keys, members, memberships, settings
from app.services.team.audit import TrailLine
from app.services.team.subjects import Subject
from app.services.work import Work, Workshop
from tests import factories
from tests.statements import heard


def trail(workshop: Workshop, actor: Actor) -> list[TrailLine]:
    """The newest line first."""
    with workshop.read(actor) as work:
        return list(audit.list_lines(work, Cursor()).items)


def told(workshop: Workshop, actor: Actor) -> dict[str, tuple[str, bool]]:
    """What the newest line of each event calls its subject, and whether that is there."""
    return {line.entry.event: (line.subject.name, line.subject.is_there) for line in reversed(trail(workshop, actor))}


class Things:
    """One of each sort that something can be done to."""

    def __init__(self, shop: Workshop, actor: Actor) -> None:
        self.upload = imports.upload(shop, actor, io.BytesIO(b"email\nann@example.org\n"), "people.csv")
        with shop.open(actor) as work:
            session = work.session
            self.message = factories.make_message(session, subject="Autumn news")
            self.template = templates.create(work, "Letter", self.message.id)
            self.contact = contacts.create_contact(work, name="Ann")
            address = targets.read_address("email", "ann@example.org")
            self.target = targets.add_target(work, self.contact, address)
            self.topic = topics.create_topic(work, name="News", topic_id="news")
            self.subscription = subscribers.subscribe(work, self.topic.id, self.target.id)
            self.suppression = suppressions.add_suppression(work, "sms", "+491701234567", "complaint")
            self.provider = factories.make_provider(work, name="Texts")
            providers.switch(work, self.provider.id, on=False)
            germany = Entry("DE", Tariff(75_000, "EUR"), date(2026, 1, 1))
            self.price = prices.add_entry(work, self.provider, germany, is_told=True)
            self.file = factories.make_file(session, "flyer.pdf", bucket="posters", id="f")
            factories.make_file(session, "other.pdf", bucket="elsewhere", id="f")
            files.update_file(work, "posters", "f", name="poster.pdf")
            self.key, _ = keys.create_key(work, name="Shop", scopes=["messages.read"])
            self.member = members.create_member(work, "ed@acme.example", "a long pass phrase", role="viewer", name="Ed")
            work.audit("message.pause", f"message/{self.message.id}")
            settings.change_project(work, name="Acme", time_zone="Europe/Berlin")

    def remove(self, shop: Workshop, actor: Actor) -> None:
        with shop.open(actor) as work:
            imports.delete_import(work, self.upload.id)
            messages.remove(work, self.message.id)
            templates.delete(work, self.template.id)
            prices.remove_price(work, self.provider, work.session.merge(self.price))
            providers.disconnect(work, self.provider.id)
            suppressions.lift(work, self.suppression.id)
            contacts.delete_contact(work, self.contact.id)
            topics.delete_topic(work, self.topic.id)
            files.delete_file(work, "posters", "f")
            keys.revoke_key(work, self.key.id)
            memberships.remove_member(work, self.member.id)


@pytest.fixture
def things(any_workshop: Workshop, actor: Actor) -> Things:
    return Things(any_workshop, actor)


def test_everything_is_called_by_its_name_and_known_by_what_its_page_lies_under(
    any_workshop: Workshop, actor: Actor, things: Things
) -> None:
    found = {line.entry.event: line.subject for line in trail(any_workshop, actor)}
    there = {event: (it.name, it.place) for event, it in found.items() if it.is_there}
    assert there == {
        "import.upload": ("people.csv", ""),
        "message.pause": ("Autumn news", ""),
        "template.create": ("Letter", ""),
        "contact.create": ("Ann", ""),
        "target.create": ("ann@example.org", things.contact.id),
        "topic.create": ("News", ""),
        "subscriber.create": ("ann@example.org", things.contact.id),
        "suppression.create": ("+491701234567", ""),
        "provider.disable": ("Texts", ""),
        "price.create": ("Germany", things.provider.id),
        "file.update": ("poster.pdf", "posters"),
        "key.create": ("Shop", ""),
        "member.create": ("Ed", ""),
        "project.update": ("Acme", ""),
    }
    assert found.keys() == there.keys()


def test_what_is_gone_is_called_as_it_was_but_people_are_not(
    any_workshop: Workshop, actor: Actor, things: Things
) -> None:
    things.remove(any_workshop, actor)
    assert told(any_workshop, actor) == {
        "import.upload": ("people.csv", False), "import.delete": ("people.csv", False),
        "message.pause": ("Autumn news", False), "message.delete": ("Autumn news", False),
        "template.create": ("Letter", False), "template.delete": ("Letter", False),
        "contact.create": ("", False), "contact.delete": ("", False),
        "target.create": ("", False), "subscriber.create": ("", False),
        "topic.create": ("News", False), "topic.delete": ("News", False),
        "suppression.create": ("+49…67", False), "suppression.lift": ("+49…67", False),
        "provider.disable": ("Texts", False), "provider.delete": ("Texts", False),
        "price.create": ("Germany", False), "price.remove": ("Germany", False),
        "file.update": ("poster.pdf", False), "file.delete": ("poster.pdf", False),
        "key.create": ("Shop", False), "key.revoke": ("Shop", False),
        "member.create": ("Ed", False), "member.remove": ("Ed", False),
        "project.update": ("Acme", True),
    }  # fmt: skip


def test_what_details_mention_is_named_too(any_workshop: Workshop, actor: Actor, things: Things) -> None:
    [line] = [line for line in trail(any_workshop, actor) if line.entry.event == "subscriber.create"]
    assert {name: it.name for name, it in line.others.items()} == {"topic": "News", "target": "ann@example.org"}
    things.remove(any_workshop, actor)
    [line] = [line for line in trail(any_workshop, actor) if line.entry.event == "subscriber.create"]
    assert line.others == {
        "topic": Subject("topic", "news", "News"), "target": Subject("target", things.target.id)
    }  # fmt: skip


def test_an_older_name_is_told_beside_the_one_of_today(workshop: Workshop, actor: Actor) -> None:
    with workshop.open(actor) as work:
        topic = topics.create_topic(work, name="News")
        topics.update_topic(work, topic.id, name="Weekly")
    assert [(line.subject.name, line.called) for line in trail(workshop, actor)] == [("Weekly", ""), ("Weekly", "News")]


def test_a_lifted_address_is_named_as_long_as_somebody_has_it(workshop: Workshop, actor: Actor) -> None:
    with workshop.open(actor) as work:
        contact = factories.make_contact(work.session, email="ann@example.org")
        suppressions.lift(work, suppressions.add_suppression(work, "email", "ann@example.org", "complaint").id)
    assert told(workshop, actor)["suppression.lift"] == ("ann@example.org", True)
    with workshop.open(actor) as work:
        contacts.delete_contact(work, contact.id)
    assert told(workshop, actor)["suppression.lift"] == ("", False)


@pytest.mark.parametrize(("name", "expected"), [("Ann", "Ann"), ("", "ann@example.org")])
def test_who_acted_for_itself_is_named_as_long_as_it_is_there(
    any_workshop: Workshop, actor: Actor, name: str, expected: str
) -> None:
    with any_workshop.open(actor) as work:
        ann = factories.make_contact(work.session, name=name, email="ann@example.org", phone="+491701234567")
    with any_workshop.open(replace(actor, kind=ActorKind.CONTACT, name="Ann", pk=ann.pk)) as work:
        work.audit("contact.update", f"contact/{ann.id}", may_sign_in=False)
    [line] = trail(any_workshop, actor)
    assert (line.doer, line.subject.name) == (expected, expected)
    with any_workshop.open(actor) as work:
        contacts.delete_contact(work, ann.id)
    assert [line.doer for line in trail(any_workshop, actor)] == ["Olga", ""]


def test_a_device_is_not_called_by_its_token(workshop: Workshop, actor: Actor) -> None:
    with workshop.open(actor) as work:
        ann = factories.make_contact(work.session)
        phone = factories.make_target(work.session, ann, address="a" * 64, channel="push")
        work.audit("target.update", f"target/{phone.id}", channel="push")
    assert told(workshop, actor)["target.update"] == ("", True)


def test_names_are_only_for_those_who_may_read_the_things(workshop: Workshop, actor: Actor) -> None:
    Things(workshop, actor)
    auditor = replace(actor, permissions=frozenset({"audit.read"}))
    named = {line.entry.event for line in trail(workshop, auditor) if line.subject.is_there}
    assert named == set()
    with pytest.raises(Forbidden):
        trail(workshop, replace(actor, permissions=frozenset()))


def test_another_project_has_nothing_to_do_with_it(workshop: Workshop, actor: Actor) -> None:
    with workshop.open(actor) as work:
        topic = topics.create_topic(work, name="News")
        work.session.add(AuditEntry(**_foreign(work, topic.id)))
    assert [line.entry.project_pk for line in trail(workshop, actor)] == [1]


def _foreign(work: Work, topic_id: str) -> dict[str, object]:
    return {
        "project_pk": None, "at": work.now, "event": "topic.delete", "resource": f"topic/{topic_id}",
        "actor_kind": "member", "actor_name": "Eve", "details": {"name": "Secret"},
    }  # fmt: skip


def test_a_full_page_takes_as_many_statements_as_a_short_one(any_workshop: Workshop, actor: Actor) -> None:
    def asked() -> int:
        with heard() as statements:
            trail(any_workshop, actor)
        return len(statements)

    with any_workshop.open(actor) as work:
        _rename_and_delete(work, 1)
    short = asked()
    with any_workshop.open(actor) as work:
        _rename_and_delete(work, 30)
    assert len(trail(any_workshop, actor)) == 50
    assert asked() == short <= 8


def _rename_and_delete(work: Work, count: int) -> None:
    for number in range(count):
        topics.delete_topic(work, topics.create_topic(work, name=f"Gone {number}").id)
        work.audit("topic.update", f"topic/{topics.create_topic(work, name=f'Here {number}').id}")
        contacts.create_contact(work, name=f"Ann {number}")
