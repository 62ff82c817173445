"""Contacts and their addresses: what is accepted, what is refused in words, what is found, what goes with what."""

import pytest

from app.domain.errors import Conflict, Forbidden, Invalid, NotFound
from app.domain.permissions import Actor
from app.models.audit import AuditEntry
from app.models.targets import Target
from app.models.topics import Subscriber, Topic
from app.services.people import contact_search, contacts, targets, topic_totals
from app.services.people.contact_search import ContactFilter
from app.services.work import Workshop
from tests import factories


def names(page) -> list[str]:
    return [line.name for line in page.items]


def test_a_contact_is_added_with_an_address_for_each_channel(any_workshop: Workshop, actor: Actor) -> None:
    with any_workshop.open(actor) as work:
        contact = contacts.create_contact(
            work, name=" Ann Lee ", attributes={"city": "Bonn"},
            addresses={"email": "Ann@Example.ORG", "sms": "+49 170 1234567", "push": ""},
        )  # fmt: skip
    with any_workshop.read(actor) as work:
        cards = targets.targets_of(work, contacts.find_contact(work, contact.id))
        assert [(card.channel, card.address) for card in cards] == [
            ("email", "Ann@example.org"),
            ("sms", "+491701234567"),
        ]
        assert cards[1].phone
        assert cards[1].phone.region == "DE"
        assert cards[1].phone.kind == "mobile"
        assert contact.name == "Ann Lee"


def test_wrong_fields_are_all_named_and_nothing_is_saved(workshop: Workshop, actor: Actor) -> None:
    with pytest.raises(Invalid) as caught, workshop.open(actor) as work:
        contacts.create_contact(
            work, name="A\nB", attributes={"First Name": "x"}, addresses={"email": "ann", "sms": "0170 1234567"}
        )
    assert set(caught.value.fields) == {"name", "attributes", "email", "sms"}
    assert caught.value.fields["email"] == ["Email needs an address like name@example.org."]
    assert caught.value.fields["sms"] == ["Phone number needs an international number like +49 170 1234567."]
    with workshop.read(actor) as work:
        assert contact_search.count_contacts(work) == 0


@pytest.mark.parametrize(
    ("number", "words"),
    [
        ("+49 12", "needs an international number"),
        ("+1 555 0100", "has no area code"),
        ("+999 1234567", "country code that does not exist"),
        ("+44 7700 9001234", "is too long"),
    ],
)
def test_a_phone_number_that_cannot_be_says_why(number: str, words: str) -> None:
    with pytest.raises(Invalid) as caught:
        targets.read_address("sms", number)
    assert words in caught.value.message


@pytest.mark.parametrize("number", ["+1 202 555 0123", "+44 7700 900123", "+61 491 570 156"])
def test_numbers_of_the_reserved_test_ranges_are_accepted(number: str) -> None:
    assert targets.read_address("sms", number).text == number.replace(" ", "")


def test_an_address_that_is_somebodys_names_whose(workshop: Workshop, actor: Actor) -> None:
    with workshop.open(actor) as work:
        factories.make_contact(work.session, name="Ann", email="ann@example.org")
        ben = factories.make_contact(work.session, name="Ben")
    with pytest.raises(Conflict, match=r"ANN@example.org belongs to “Ann” already"), workshop.open(actor) as work:
        targets.add_target(work, ben, targets.read_address("email", "ANN@example.org"))
    with pytest.raises(Invalid) as caught, workshop.open(actor) as work:
        contacts.create_contact(work, addresses={"email": "ann@example.org"})
    assert caught.value.fields == {"email": ["ann@example.org belongs to “Ann” already."]}


def test_an_address_can_be_corrected_in_place_and_keeps_its_topics(workshop: Workshop, actor: Actor) -> None:
    with workshop.open(actor) as work:
        contact = factories.make_contact(work.session)
        target = factories.make_target(work.session, contact, address="old@example.org", is_expired=True)
        factories.make_topic(work.session, targets=[target])
    with workshop.open(actor) as work:
        targets.update_target(work, target.id, "new@example.org", name="work")
    with workshop.read(actor) as work:
        card = targets.targets_of(work, contact)[0]
        assert (card.address, card.name, card.is_expired, card.subscriptions) == ("new@example.org", "work", False, 1)


def test_deleting_a_contact_says_and_takes_what_goes_with_it(any_workshop: Workshop, actor: Actor) -> None:
    with any_workshop.open(actor) as work:
        ann = factories.make_contact(work.session, name="Ann")
        mine = [factories.make_target(work.session, ann, address=f"ann{index}@example.org") for index in range(2)]
        ben = factories.make_contact(work.session, name="Ben")
        other = factories.make_target(work.session, ben, address="ben@example.org")
        topic = factories.make_topic(work.session, targets=[*mine, other])
    with any_workshop.open(actor) as work:
        assert contacts.deletion_cost(work, ann.id) == contacts.DeletionCost(2, 2)
        contacts.delete_contact(work, ann.id)
    with any_workshop.open(actor) as work:
        assert work.session.query(Target).count() == work.session.query(Subscriber).count() == 1
        assert work.session.get(Topic, topic.pk).email_total == 1
        assert topic_totals.recount(work) == 0
        with pytest.raises(NotFound):
            contacts.find_contact(work, ann.id)


def test_removing_an_address_lowers_the_totals_of_its_topics(workshop: Workshop, actor: Actor) -> None:
    with workshop.open(actor) as work:
        contact = factories.make_contact(work.session)
        target = factories.make_target(work.session, contact, address="+491701234567", channel="sms")
        factories.make_topic(work.session, targets=[target])
    with workshop.open(actor) as work:
        targets.remove_target(work, target.id)
        assert topic_totals.recount(work) == 0


def test_editing_keeps_the_type_of_values_that_were_not_changed(workshop: Workshop, actor: Actor) -> None:
    with workshop.open(actor) as work:
        contact = factories.make_contact(work.session, name="Ann", age=42, city="Bonn")
        contacts.update_contact(work, contact.id, name="Ann", attributes={"age": "42", "city": "Köln"})
        assert contact.attributes == {"age": 42, "city": "Köln"}


def test_a_viewer_may_look_but_not_touch(workshop: Workshop, actor: Actor, viewer: Actor) -> None:
    with workshop.open(actor) as work:
        contact = factories.make_contact(work.session)
    with workshop.open(viewer) as work:
        assert contacts.find_contact(work, contact.id)
        for act in (
            lambda: contacts.create_contact(work, name="X"),
            lambda: contacts.update_contact(work, contact.id, name="X", attributes={}),
            lambda: contacts.delete_contact(work, contact.id),
            lambda: targets.add_target(work, contact, targets.read_address("email", "x@example.org")),
        ):
            with pytest.raises(Forbidden):
                act()


def test_a_contact_of_another_project_is_not_found(workshop: Workshop, actor: Actor) -> None:
    with workshop.open(actor) as work:
        contact = factories.make_contact(work.session)
    stranger = Actor(actor.kind, "Stranger", project_pk=99, permissions=actor.permissions)
    with workshop.read(stranger) as work, pytest.raises(NotFound):
        contacts.find_contact(work, contact.id)


def test_each_change_leaves_a_line_in_the_trail(workshop: Workshop, actor: Actor) -> None:
    with workshop.open(actor) as work:
        contact = contacts.create_contact(work, name="Ann", addresses={"email": "ann@example.org"})
        contacts.update_contact(work, contact.id, name="Anne", attributes={})
        contacts.delete_contact(work, contact.id)
        work.session.flush()
        events = [entry.event for entry in work.session.query(AuditEntry)]
    assert events == ["contact.create", "contact.update", "contact.delete"]


def test_a_search_finds_the_beginning_of_names_then_of_addresses(any_workshop: Workshop, actor: Actor) -> None:
    with any_workshop.open(actor) as work:
        factories.make_contact(work.session, name="Zoe", email="ann.zoe@example.org")
        factories.make_contact(work.session, name="annika", email="x@example.org")
        factories.make_contact(work.session, name="Ann", email="ann@example.org", phone="+491701234567")
        factories.make_contact(work.session, name="Ben", email="ben@example.org")
    with any_workshop.read(actor) as work:
        assert names(contact_search.list_contacts(work, ContactFilter("ANN"))) == ["Ann", "annika", "Zoe"]
        assert names(contact_search.list_contacts(work, ContactFilter("+49 170"))) == ["Ann"]
        assert names(contact_search.list_contacts(work, ContactFilter("0049170"))) == ["Ann"]
        assert names(contact_search.list_contacts(work, ContactFilter("%"))) == []


def test_a_search_pages_through_every_contact_once(workshop: Workshop, actor: Actor) -> None:
    with workshop.open(actor) as work:
        for index in range(70):
            factories.make_contact(work.session, name=f"Bo {index % 3}", email=f"bo{index}@example.org")
        for index in range(70):
            person = factories.make_contact(work.session, name=f"Cy {index}", email=f"bo-cy{index}@example.org")
            factories.make_target(work.session, person, address=f"bo-other{index}@example.org")
    seen, after = [], ""
    with workshop.read(actor) as work:
        while True:
            page = contact_search.list_contacts(work, ContactFilter("bo"), after=after)
            seen += [line.id for line in page.items]
            if page.older is None:
                break
            after = page.older
    assert len(seen) == len(set(seen)) == 140


def test_filters_by_channel_and_topic_leave_only_those_who_have_them(workshop: Workshop, actor: Actor) -> None:
    with workshop.open(actor) as work:
        ann = factories.make_contact(work.session, name="Ann")
        email = factories.make_target(work.session, ann, address="ann@example.org")
        factories.make_contact(work.session, name="Ben", phone="+491701234567")
        topic = factories.make_topic(work.session, targets=[email])
    with workshop.read(actor) as work:
        assert names(contact_search.list_contacts(work, ContactFilter(channel="sms"))) == ["Ben"]
        assert names(contact_search.list_contacts(work, ContactFilter(topic=topic.id))) == ["Ann"]
        assert names(contact_search.list_contacts(work, ContactFilter(topic=topic.id, channel="sms"))) == []
        assert names(contact_search.list_contacts(work, ContactFilter("b", channel="email"))) == []


@pytest.mark.parametrize("place", ["x", "name~", "sms~²~a", "name~99999999999999999999~a"])
def test_a_damaged_address_of_a_page_is_said_in_words(workshop: Workshop, actor: Actor, place: str) -> None:
    with workshop.read(actor) as work, pytest.raises(Invalid, match="damaged"):
        contact_search.list_contacts(work, ContactFilter("a"), after=place)
