"""The calendar's feed: a secret of one member, what it holds, and when it ends."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import icalendar
import pytest
from sqlalchemy import select

from app.domain.errors import Forbidden, NotFound
from app.domain.permissions import Actor, ActorKind, Role, permissions_of, system
from app.models.calendar import CalendarFeed
from app.models.members import Member
from app.models.messages import Message
from app.services.planning import calendar_feed
from app.services.team import members, memberships
from app.services.work import Work, Workshop
from tests.conftest import START, FakeClock
from tests.factories import make_audience, make_contact, make_message
from tests.services.calendar_story import BERLIN, HOUR, TUESDAY, schedule, start

ADDRESS = "https://post.acme.example/p/default/messages/MESSAGE"


@pytest.fixture
def ed(workshop: Workshop) -> Actor:
    """Ed, who composes, as a member that really exists; beside him Olga, the admin."""
    with workshop.open(system()) as work:
        for name, role in (("olga", "admin"), ("ed", "composer")):
            email = f"{name}@acme.example"
            members.create_member(work, email, "correct horse battery", role=role, project_id="default")
        pk = work.session.scalars(select(Member.pk).where(Member.email == "ed@acme.example")).one()
    return Actor(ActorKind.MEMBER, "Ed", project_pk=1, pk=pk, permissions=permissions_of(frozenset({Role.COMPOSER})))


def token_of(workshop: Workshop, actor: Actor) -> str:
    with workshop.open(actor) as work:
        return calendar_feed.make_feed(work)


def opens(workshop: Workshop, token: str) -> bool:
    with workshop.read(system()) as work:
        try:
            calendar_feed.find_reader(work, token)
        except NotFound:
            return False
        return True


def read(work: Work) -> dict[str, icalendar.Event]:
    """The events of the feed by the title of their message."""
    text, _ = calendar_feed.write_feed(work, ADDRESS)
    found = icalendar.Calendar.from_ical(text)
    return {str(event["SUMMARY"]).partition(": ")[2]: event for event in found.walk("VEVENT")}


def test_an_address_belongs_to_its_member_and_only_its_hash_is_kept(workshop: Workshop, ed: Actor) -> None:
    token = token_of(workshop, ed)
    with workshop.open(ed) as work:
        feed = calendar_feed.feed_of(work)
        assert feed is not None
        assert token not in feed.token_hash
        assert (feed.token_ending, len(token) >= 32) == (token[-4:], True)
        reader = calendar_feed.find_reader(work, token)
    assert (reader.actor.pk, reader.actor.project_pk, reader.project_id) == (ed.pk, 1, "default")
    assert reader.actor.permissions == permissions_of(frozenset({Role.COMPOSER}))


def test_a_new_address_replaces_the_old_one_and_a_revoked_one_is_gone(workshop: Workshop, ed: Actor) -> None:
    first, second = token_of(workshop, ed), token_of(workshop, ed)
    assert (opens(workshop, first), opens(workshop, second)) == (False, True)
    with workshop.open(ed) as work:
        calendar_feed.revoke_feed(work)
        calendar_feed.revoke_feed(work)
        assert calendar_feed.feed_of(work) is None
    assert not opens(workshop, second)
    assert not opens(workshop, "x" * 5000)


def test_it_ends_when_the_member_leaves_and_stays_ended_when_they_come_back(workshop: Workshop, ed: Actor) -> None:
    token = token_of(workshop, ed)
    with workshop.open(system(1)) as work:
        ed_id = work.session.scalars(select(Member.id).where(Member.pk == ed.pk)).one()
        memberships.remove_member(work, ed_id)
    assert not opens(workshop, token)
    with workshop.open(system(1)) as work:
        assert work.session.scalar(select(CalendarFeed.pk)) is None


def test_it_shows_nothing_while_the_account_is_switched_off(workshop: Workshop, ed: Actor) -> None:
    token = token_of(workshop, ed)
    with workshop.open(system(1)) as work:
        work.session.get_one(Member, ed.pk).disabled_at = START
    assert not opens(workshop, token)


def test_programs_are_no_members_and_get_no_address(workshop: Workshop) -> None:
    key = Actor(ActorKind.KEY, "k", project_pk=1, pk=1, permissions=permissions_of(frozenset({Role.ADMIN})))
    with pytest.raises(Forbidden, match="Only a member"), workshop.open(key) as work:
        calendar_feed.make_feed(work)


def test_each_state_has_its_word_and_every_event_what_the_standard_asks_for(workshop: Workshop, ed: Actor) -> None:
    with workshop.open(ed) as work:
        schedule(work, title="Scheduled")
        schedule(work, TUESDAY + HOUR, title="Draft", status="draft")
        schedule(work, START - HOUR, title="Late", late_at=START)
        start(work, START - 3 * HOUR, audience=1_204)
        start(work, START - timedelta(days=40))
        make_message(work.session, subject="Without a date")
        cancelled = start(work, START - 2 * HOUR, cancelled_at=START)
        cancelled.title = "Cancelled"
        work.session.flush()
        events = read(work)
        scheduled = work.session.scalars(select(Message).where(Message.title == "Scheduled")).one()
    assert {title: str(event["STATUS"]) for title, event in events.items()} == {
        "Scheduled": "CONFIRMED", "Draft": "TENTATIVE", "Late": "TENTATIVE", "Old news": "CONFIRMED",
        "Cancelled": "CANCELLED",
    }  # fmt: skip
    for event in events.values():
        assert {"UID", "DTSTAMP", "DTSTART", "LAST-MODIFIED", "CREATED", "URL"} <= set(event)
    assert str(events["Scheduled"]["URL"]) == ADDRESS.replace("MESSAGE", scheduled.id)
    assert str(events["Scheduled"]["UID"]) == f"{scheduled.id}.default@carillon"
    assert events["Old news"]["DURATION"].dt == timedelta(minutes=5)
    assert "1,204 people" in str(events["Old news"]["DESCRIPTION"])
    assert len({str(event["UID"]) for event in events.values()}) == len(events)


@pytest.mark.parametrize(
    "moment",
    [
        datetime(2027, 3, 28, 0, 59, tzinfo=UTC), datetime(2027, 3, 28, 1, tzinfo=UTC),
        datetime(2027, 10, 31, 0, 30, tzinfo=UTC), datetime(2027, 10, 31, 1, 30, tzinfo=UTC),
    ],
)  # fmt: skip
def test_times_are_right_on_every_clock_also_when_clocks_change(
    workshop: Workshop, ed: Actor, moment: datetime
) -> None:
    with workshop.open(ed) as work:
        schedule(work, moment, title="Then")
        begin = read(work)["Then"]["DTSTART"].dt
    assert begin == moment
    for zone in (BERLIN, ZoneInfo("America/New_York"), ZoneInfo("Australia/Lord_Howe")):
        assert begin.astimezone(zone).isoformat() == moment.astimezone(zone).isoformat()


def test_nobodys_address_stands_in_it_and_titles_cannot_break_its_lines(workshop: Workshop, ed: Actor) -> None:
    with workshop.open(ed) as work:
        make_audience(work.session, 3)
        ann = make_contact(work.session, email="ann@example.org", name="Ann Archer")
        title = "Hello\nBEGIN:VALARM; a, b\\n" + "ü" * 200
        make_message(
            work.session, subject=title, audience={"contacts": [ann.id]}, status="scheduled", scheduled_at=TUESDAY
        )
        text, _ = calendar_feed.write_feed(work, ADDRESS)
    assert b"@example.org" not in text
    assert b"Ann Archer" not in text
    assert max(map(len, text.split(b"\r\n"))) <= 75
    (event,) = icalendar.Calendar.from_ical(text).walk("VEVENT")
    assert str(event["SUMMARY"]) == f"Email: {title}"
    assert list(icalendar.Calendar.from_ical(text).walk("VALARM")) == []


def test_it_is_the_same_bytes_until_something_changes(workshop: Workshop, ed: Actor, clock: FakeClock) -> None:
    with workshop.open(ed) as work:
        message = schedule(work)
        before = calendar_feed.write_feed(work, ADDRESS)
    clock.move(3600)
    with workshop.open(ed) as work:
        assert calendar_feed.write_feed(work, ADDRESS) == before
        work.session.get_one(Message, message.pk).updated_at = work.now
        work.session.flush()
        assert calendar_feed.write_feed(work, ADDRESS)[1] != before[1]
