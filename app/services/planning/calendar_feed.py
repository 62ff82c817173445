"""The calendar in other programs: a secret address for each member and project, and what stands there (RFC 5545)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from math import ceil
from typing import TYPE_CHECKING

from sqlalchemy import delete, select

from app.domain.channels import Channel
from app.domain.errors import Forbidden, NotFound
from app.domain.message_states import MessageStatus
from app.domain.permissions import Actor, ActorKind, Role, permissions_of
from app.infra.loading import later
from app.infra.vault import hash_token, new_token
from app.models.calendar import CalendarFeed
from app.models.members import Member, Membership
from app.models.messages import Message
from app.models.projects import Project
from app.services.planning.calendar import Entry, entries_of
from app.services.planning.calendar_rows import Found, read_between
from app.services.work import Work

if TYPE_CHECKING:
    import icalendar
else:
    icalendar = later("icalendar")  # a tenth of a second that a start need not pay

LOOKS_BACK, LOOKS_AHEAD = timedelta(days=30), timedelta(days=366 * 2)
MOST = 1_000  # messages of each sort
REFRESH = timedelta(minutes=15)  # how often programs are asked to look again
SEEN_STEP = timedelta(hours=1)  # when it was read last is noted at most this often
_PRODUCT = "-//Carillon//Calendar//EN"


@dataclass(frozen=True, slots=True)
class Reader:
    """Whose address was asked for: the member as an actor of that project, and whether to note that it was read."""

    actor: Actor
    project_id: str
    feed_pk: int
    is_touch_due: bool


def feed_of(work: Work) -> CalendarFeed | None:
    """The address of whoever asks; None when there is none."""
    work.require("calendar.read")
    return work.session.scalar(
        select(CalendarFeed).where(CalendarFeed.member_pk == _member(work), CalendarFeed.project_pk == work.project_pk)
    )


def make_feed(work: Work) -> str:
    """A new secret for whoever asks, instead of the one they had: it is never seen again."""
    work.require("calendar.read")
    feed, token = feed_of(work), new_token()
    facts = {"token_hash": hash_token(token), "token_ending": token[-4:], "read_at": None, **work.stamp()}
    if feed is None:
        feed = CalendarFeed(member_pk=_member(work), project_pk=work.project_pk)
        work.session.add(feed)
        event = "calendar_feed.create"
    else:
        event = "calendar_feed.replace"
    for name, value in facts.items():
        setattr(feed, name, value)
    work.session.flush()
    work.audit(event, f"calendar_feed/{feed.pk}")
    return token


def revoke_feed(work: Work) -> None:
    """The address leads nowhere from now on; nothing happens when there is none."""
    feed = feed_of(work)
    if feed is not None:
        work.session.delete(feed)
        work.audit("calendar_feed.revoke", f"calendar_feed/{feed.pk}")


def forget_feed(work: Work, member_pk: int) -> None:
    """A member leaves the project: the address goes too, and stays gone when they come back."""
    work.session.execute(
        delete(CalendarFeed).where(CalendarFeed.member_pk == member_pk, CalendarFeed.project_pk == work.project_pk)
    )


def _member(work: Work) -> int:
    if work.actor.kind is not ActorKind.MEMBER or work.actor.pk is None:
        raise Forbidden("Only a member who is signed in has a calendar address.")
    return work.actor.pk


def find_reader(work: Work, token: str) -> Reader:
    """Whoever this secret belongs to, with the roles that they hold now; NotFound when it opens nothing any more."""
    row = work.session.execute(
        select(CalendarFeed, Member, Project.id)
        .join(Member, Member.pk == CalendarFeed.member_pk)
        .join(Project, Project.pk == CalendarFeed.project_pk)
        .where(CalendarFeed.token_hash == hash_token(token[:512]))
    ).one_or_none()
    if row is None or row.Member.disabled_at is not None:
        raise NotFound("This calendar address was replaced or revoked.")
    feed, member = row.CalendarFeed, row.Member
    roles = work.session.scalars(
        select(Membership.role).where(Membership.member_pk == member.pk, Membership.project_pk == feed.project_pk)
    )
    actor = Actor(
        ActorKind.MEMBER, member.name or member.email, feed.project_pk, member.pk,
        permissions_of(frozenset(Role(role) for role in roles)), work.actor.ip, work.actor.user_agent,
    )  # fmt: skip
    if not actor.may("calendar.read"):
        raise NotFound("This calendar address was replaced or revoked.")
    is_due = feed.read_at is None or work.now - feed.read_at >= SEEN_STEP
    return Reader(actor, row.id, feed.pk, is_due)


def touch_feed(work: Work, feed_pk: int) -> None:
    """Note that it was read now."""
    feed = work.session.get(CalendarFeed, feed_pk)
    if feed is not None:
        feed.read_at = work.now


def write_feed(work: Work, address: str) -> tuple[bytes, str]:
    """The calendar from a month ago on, as text/calendar, and its entity tag; the same bytes while nothing changed.

    `address` leads to a message when its id is put in the place of MESSAGE. Nobody's address stands in it.
    """
    work.require("calendar.read")
    begin = work.now.replace(hour=0, minute=0, second=0, microsecond=0) - LOOKS_BACK
    found = read_between(work, begin, work.now + LOOKS_AHEAD, most=MOST)
    text = _write(work.project, found, entries_of(work, found), _changes(work, found), address)
    return text, sha256(text).hexdigest()[:32]


def _changes(work: Work, found: Sequence[Found]) -> dict[int, tuple[datetime, datetime]]:
    """When each message was made and changed last."""
    rows = work.session.execute(
        select(Message.pk, Message.created_at, Message.updated_at).where(Message.pk.in_([each.pk for each in found]))
    )
    return {row.pk: (row.created_at, row.updated_at) for row in rows}


def _write(
    project: Project,
    found: Sequence[Found],
    entries: Sequence[Entry],
    changes: dict[int, tuple[datetime, datetime]],
    address: str,
) -> bytes:
    calendar = icalendar.Calendar()
    calendar.add("prodid", _PRODUCT)
    calendar.add("version", "2.0")
    calendar.add("x-wr-calname", f"{project.name}: messages")
    calendar.add("refresh-interval", REFRESH, parameters={"value": "DURATION"})  # RFC 7986, 5.7
    calendar.add("x-published-ttl", icalendar.vDuration(REFRESH))
    for each, entry in zip(found, entries, strict=True):
        made, changed = changes[each.pk]
        calendar.add_component(_event(project, each, entry, (made, max(changed, made)), address))
    return bytes(calendar.to_ical())


def _event(
    project: Project, each: Found, entry: Entry, dates: tuple[datetime, datetime], address: str
) -> "icalendar.Event":
    """One message. Moments are in UTC, which every program shows in the zone of its reader (RFC 5545, 3.3.5)."""
    event = icalendar.Event()
    event.add("uid", f"{each.id}.{project.id}@carillon")
    event.add("dtstamp", dates[1].replace(microsecond=0))  # without METHOD the same as LAST-MODIFIED (3.8.7.2)
    event.add("created", dates[0].replace(microsecond=0))
    event.add("last-modified", dates[1].replace(microsecond=0))
    event.add("dtstart", each.at.replace(microsecond=0))
    if entry.length:
        event.add("duration", timedelta(minutes=ceil(entry.length / timedelta(minutes=1))))
    event.add("summary", f"{Channel(each.channel).label}: {each.title}")
    event.add("description", _describe(entry))
    event.add("status", _status(each))
    event.add("categories", [Channel(each.channel).label])
    event.add("transp", "TRANSPARENT")  # nobody is busy while it goes out
    event.add("url", address.replace("MESSAGE", each.id))
    return event


def _describe(entry: Entry) -> str:
    about = "About " if entry.is_predicted else ""
    return f"{about}{entry.people:,} {'person' if entry.people == 1 else 'people'}. State: {entry.phase}."


def _status(each: Found) -> str:
    """RFC 5545, 3.8.1.11."""
    if each.cancelled_at is not None:
        return "CANCELLED"
    return "TENTATIVE" if each.status == MessageStatus.DRAFT or each.late_at is not None else "CONFIRMED"
