"""Lists of contacts through filters that no index knows: they go on in steps, and show everybody exactly once."""

import pytest

from app.domain.permissions import Actor
from app.services.lists import listing
from app.services.people import contact_search
from app.services.people.contact_search import ContactFilter
from app.services.work import Work, Workshop
from tests.factories import make_contact, make_target, make_topic, subscribe

PEOPLE = 60


@pytest.fixture
def crowd(any_workshop: Workshop, actor: Actor) -> Workshop:
    """Sixty people in a topic, of whom every twentieth can be texted; the third has two addresses in the topic."""
    with any_workshop.open(actor) as work:
        topic = make_topic(work.session, id="news")
        for number in range(PEOPLE):
            contact = make_contact(work.session, name=f"Person {number:02}")
            subscribe(work.session, topic, make_target(work.session, contact, address=f"p{number:02}@example.org"))
            if number % 20 == 0:
                phone = make_target(work.session, contact, address=f"+12025550{number:03}", channel="sms")
                subscribe(work.session, topic, phone)
            if number == 2:
                subscribe(work.session, topic, make_target(work.session, contact, address="second@example.org"))
    return any_workshop


def walk(work: Work, wanted: ContactFilter) -> tuple[list[str], int]:
    """The names on all pages down to the end, and how many pages there were."""
    found, pages, after = [], 0, ""
    while True:
        page = contact_search.list_contacts(work, wanted, after=after)
        found += [line.name for line in page.items]
        pages += 1
        if page.older is None:
            return found, pages
        after = page.older


@pytest.fixture
def short_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (listing, contact_search):
        monkeypatch.setattr(module, "LOOKED_THROUGH", 7)
    monkeypatch.setattr(contact_search, "SMALL_TOPIC", 1)


@pytest.mark.usefixtures("short_steps")
@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (ContactFilter(topic="news", channel="sms"), ["Person 40", "Person 20", "Person 00"]),
        (ContactFilter("person", channel="sms"), ["Person 00", "Person 20", "Person 40"]),
        (ContactFilter("person", topic="news", channel="sms"), ["Person 00", "Person 20", "Person 40"]),
        (ContactFilter("p", topic="news"), [f"Person {number:02}" for number in range(PEOPLE)]),
        (ContactFilter("second", topic="news"), ["Person 02"]),
        (ContactFilter("person", channel="push"), []),
    ],
)
def test_a_filter_that_no_index_knows_goes_on_in_steps_and_shows_everybody_once(
    crowd: Workshop, actor: Actor, wanted: ContactFilter, expected: list[str]
) -> None:
    with crowd.read(actor) as work:
        found, pages = walk(work, wanted)
    assert found == expected
    assert pages > 1 or wanted.search == "second"


def test_who_has_two_addresses_in_a_topic_stands_in_its_list_once(crowd: Workshop, actor: Actor) -> None:
    with crowd.read(actor) as work:
        found, _ = walk(work, ContactFilter(topic="news"))
    assert sorted(found) == [f"Person {number:02}" for number in range(PEOPLE)]


def test_the_list_of_a_topic_leads_back_to_where_it_began(crowd: Workshop, actor: Actor) -> None:
    with crowd.read(actor) as work:
        first = contact_search.list_contacts(work, ContactFilter(topic="news"))
        second = contact_search.list_contacts(work, ContactFilter(topic="news"), after=first.older or "")
        back = contact_search.list_contacts(work, ContactFilter(topic="news"), before=second.newer or "")
    assert (len(first.items), len(second.items)) == (50, 10)
    assert back.items == first.items
    assert back.newer is None


@pytest.mark.usefixtures("short_steps")
def test_an_empty_step_leads_back_without_leaving_anybody_out(crowd: Workshop, actor: Actor) -> None:
    wanted = ContactFilter(topic="news", channel="sms")
    with crowd.read(actor) as work:
        page, trail = contact_search.list_contacts(work, wanted), []
        while page.older:
            page = contact_search.list_contacts(work, wanted, after=page.older)
        while page.newer:
            page = contact_search.list_contacts(work, wanted, before=page.newer)
            trail = [line.name for line in page.items] + trail
    assert set(trail) >= {"Person 20", "Person 40"}
