"""The delivery log: recipients of one message, one delivery's story, an address's history."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, and_, bindparam, func, or_, select
from sqlalchemy.orm import Session

from app.domain.delivery_states import DeliveryState
from app.domain.errors import NotFound
from app.domain.outcomes import Reason
from app.models.contacts import Contact
from app.models.deliveries import NOTABLE, Attempt, Batch, Delivery, Tally
from app.models.feedback import FeedbackEvent
from app.models.messages import Message
from app.models.providers import Provider
from app.services.lists.listing import PAGE_SIZE, Cursor, Page
from app.services.work import Work

LOOKED_THROUGH = 20_000  # rows one page looks at when no index knows its filters; the next page goes on from there
FIRST_LOOK = 2_000  # as many first, since these often fill a page; to find the last of all costs more than to read it
LAST_SIGN = "\U0010ffff"


def tallies_of(work: Work, message_pks: Sequence[int]) -> dict[int, Tally]:
    """The numbers of these messages by their row number; a message that was never fanned out has none."""
    if not message_pks:
        return {}
    found = work.session.scalars(select(Tally).where(Tally.message_pk.in_(set(message_pks))))
    return {tally.message_pk: tally for tally in found}


class Reach(NamedTuple):
    """How many recipients a message has, how many it reached, and how many it did not or perhaps not."""

    audience: int
    reached: int
    lost: int


_REACH = (Tally.audience, Tally.sent + Tally.delivered, Tally.failed + Tally.bounced + Tally.uncertain)
# Lists of the API that are filtered ask this: one statement, made once, and no objects.
_REACHES = select(Tally.message_pk, *_REACH).where(Tally.message_pk.in_(bindparam("pks", expanding=True)))


def with_reach(messages: Select[Any]) -> Select[Any]:
    """The same rows of messages with the columns of Reach behind them, empty for one that was never fanned out."""
    names = ("recipients", "reached", "lost")
    labelled: list[Any] = [column.label(name) for column, name in zip(_REACH, names, strict=True)]
    return messages.add_columns(*labelled).outerjoin(Tally, Tally.message_pk == Message.pk)


def reaches_of(work: Work, message_pks: Sequence[int]) -> dict[int, Reach]:
    """What became of these messages, by their row number; a message that was never fanned out has none."""
    if not message_pks:
        return {}
    # Tallies are written by the ledger's own statements, never through a session, so there is nothing to flush.
    found = work.session.connection().execute(_REACHES, {"pks": message_pks})
    return {pk: Reach(*numbers) for pk, *numbers in found}


def reached_total() -> Any:
    """How many deliveries of a message a provider took over, as a value of each row of messages."""
    taken = select(Tally.sent + Tally.delivered).where(Tally.message_pk == Message.pk).correlate(Message)
    return func.coalesce(taken.scalar_subquery(), 0)


def errors_of(work: Work, message_pk: int, most: int) -> list[tuple[str, str]]:
    """The first recipients of a message that it did not reach: (address, reason code)."""
    lost = [DeliveryState.FAILED.value, DeliveryState.BOUNCED.value, DeliveryState.UNCERTAIN.value]
    rows = work.session.execute(
        select(Delivery.address, Delivery.reason)
        .where(Delivery.message_pk == message_pk, Delivery.state.in_(lost))
        .order_by(Delivery.pk)
        .limit(most)
    )
    return [(row.address, row.reason) for row in rows]


@dataclass(frozen=True, slots=True)
class Filter:
    """What of the log to show; empty means all. `search` is the beginning of an address, `since` a moment in UTC."""

    search: str = ""
    state: str = ""
    reason: str = ""
    channel: str = ""
    provider_id: str = ""
    since: datetime | None = None

    @property
    def key(self) -> str:
        """The search as addresses are kept: without space around it, in lower case."""
        return self.search.strip().lower()

    @property
    def is_empty(self) -> bool:
        """Whether everything is shown."""
        return self == Filter()


@dataclass(frozen=True, slots=True)
class Row:
    """A delivery as a list shows it."""

    delivery: Delivery
    contact_name: str = ""
    provider_name: str = ""
    message_id: str = ""
    message_title: str = ""

    @property
    def is_waiting(self) -> bool:
        """Whether it is tried at `next_attempt_at`."""
        return self.delivery.state == DeliveryState.QUEUED

    @property
    def is_left_out(self) -> bool:
        """Whether it was never meant to reach a provider, or not any more."""
        return self.delivery.state == DeliveryState.SKIPPED

    @property
    def why(self) -> str:
        """The reason code when something is to be explained; empty when all is well."""
        return "" if self.delivery.reason == Reason.ACCEPTED else self.delivery.reason


@dataclass(frozen=True, slots=True)
class _Walk:
    """One way through the log. `scope` is what an index answers, `sieve` what has to be looked at row by row."""

    scope: list[ColumnElement[bool]]
    sieve: list[ColumnElement[bool]]
    by_address: bool = False  # by address, then the newest first; otherwise simply the newest first

    def beyond(self, edge: Delivery, *, down: bool, with_edge: bool = False) -> ColumnElement[bool]:
        """The rows further down the list than that one (or further up), with or without it."""
        newest_first = Delivery.pk <= edge.pk if with_edge else Delivery.pk < edge.pk
        oldest_first = Delivery.pk >= edge.pk if with_edge else Delivery.pk > edge.pk
        beside = newest_first if down else oldest_first
        if not self.by_address:
            return beside
        if down:
            return and_(Delivery.address >= edge.address, or_(Delivery.address > edge.address, beside))
        return and_(Delivery.address <= edge.address, or_(Delivery.address < edge.address, beside))

    def order(self, *, down: bool) -> list[Any]:
        """The columns to order by."""
        newest = Delivery.pk.desc() if down else Delivery.pk.asc()
        if not self.by_address:
            return [newest]
        return [Delivery.address.asc() if down else Delivery.address.desc(), newest]

    def look(
        self, session: Session, limits: Sequence[Any], through: int, size: int, *, down: bool
    ) -> tuple[Sequence[Delivery], Delivery | None]:
        """The first rows, at most one more than `size`, of so many that are looked through, and the last of these.

        The last is None where nothing has to be sieved, or there are fewer.
        """
        order, stop, end = self.order(down=down), None, []
        if self.sieve:
            last = select(Delivery.pk).where(*limits).order_by(*order).offset(through - 1).limit(1)
            stop = session.get(Delivery, session.scalar(last) or 0)
            end = [] if stop is None else [self.beyond(stop, down=not down, with_edge=True)]
        query = select(Delivery).where(*limits, *end, *self.sieve).order_by(*order).limit(size + 1)
        return session.scalars(query).all(), stop


def _turn(work: Work, walk: _Walk, cursor: Cursor, size: int) -> Page[Delivery]:
    """One page of the walk. It looks at no more than LOOKED_THROUGH rows, so it may be short, or empty."""
    session, down = work.session, cursor.before is None
    edge = _edge(work, cursor.after if down else cursor.before)
    limits = [*walk.scope] if edge is None else [*walk.scope, walk.beyond(edge, down=down)]
    found, stop = walk.look(session, limits, FIRST_LOOK, size, down=down)
    if stop is not None and len(found) <= size:
        found, stop = walk.look(session, limits, LOOKED_THROUGH, size, down=down)
    rows = list(found[:size])
    ahead = rows[-1] if len(found) > size else stop
    behind = (rows[0] if rows else edge) if edge is not None else None
    if not down:
        rows.reverse()
        ahead, behind = behind, ahead
    return Page(rows, older=_cursor(ahead), newer=_cursor(behind))


def _edge(work: Work, pk: int | None) -> Delivery | None:
    """The row of that number where a page begins. One of another project is none: its place would tell its address."""
    found = work.session.get(Delivery, pk) if pk is not None else None
    return found if found is not None and found.project_pk == work.project_pk else None


def _cursor(row: Delivery | None) -> str | None:
    return None if row is None else str(row.pk)


def _starts_with(key: str) -> list[ColumnElement[bool]]:
    return [Delivery.address >= key, Delivery.address < key + LAST_SIGN] if key else []


def recipients_of(work: Work, message: Message, wanted: Filter, cursor: Cursor, size: int = PAGE_SIZE) -> Page[Row]:
    """The recipients of a message: by address, or the newest first when a state or a reason is asked for."""
    work.require("deliveries.read")
    walk = _walk_through(work, message, wanted)
    return _told(work, _turn(work, walk, cursor, size))


def _walk_through(work: Work, message: Message, wanted: Filter) -> _Walk:
    scope: list[ColumnElement[bool]] = [Delivery.message_pk == message.pk]  # no more, so that indexes alone answer
    sieve: list[ColumnElement[bool]] = []
    if wanted.provider_id:
        sieve.append(Delivery.provider_pk == _provider_pk(work, wanted.provider_id))
    if wanted.reason:
        scope.extend([Delivery.reason == wanted.reason, NOTABLE])  # type: ignore[list-item]
    if wanted.state:
        by_state = bool(wanted.reason) or not wanted.key or _is_rarer(work, message, wanted)
        (scope if by_state else sieve).append(Delivery.state == wanted.state)
        if by_state and wanted.key:
            sieve.append(func.substr(Delivery.address, 1, len(wanted.key)) == wanted.key)
        else:
            scope.extend(_starts_with(wanted.key))
        return _Walk(scope, sieve, by_address=not by_state)
    scope.extend(_starts_with(wanted.key))
    return _Walk(scope, sieve, by_address=not wanted.reason)


def _is_rarer(work: Work, message: Message, wanted: Filter) -> bool:
    """Whether fewer recipients are in the state than begin with the search; those are the ones to be gone through."""
    tally = tallies_of(work, [message.pk]).get(message.pk)
    in_state = getattr(tally, wanted.state) if tally and wanted.state in set(DeliveryState) else 0
    alike = select(Delivery.pk).where(Delivery.message_pk == message.pk, *_starts_with(wanted.key))
    counted = select(func.count()).select_from(alike.limit(LOOKED_THROUGH).subquery())
    return in_state < (work.session.scalar(counted) or 0)


def explore(work: Work, wanted: Filter, cursor: Cursor, size: int = PAGE_SIZE) -> Page[Row]:
    """The log across all messages, the newest first. An address that is written out shows its whole history."""
    work.require("deliveries.read")
    scope: list[ColumnElement[bool]] = [Delivery.project_pk == work.project_pk]
    by_address = False
    if wanted.key:
        is_whole = work.session.scalar(
            select(Delivery.pk).where(*scope, Delivery.address == wanted.key).limit(1)
        )  # fmt: skip
        by_address = is_whole is None
        scope.extend(_starts_with(wanted.key) if by_address else [Delivery.address == wanted.key])
    return _told(work, _turn(work, _Walk(scope, _sieve(work, wanted), by_address), cursor, size))


def _sieve(work: Work, wanted: Filter) -> list[ColumnElement[bool]]:
    sieve: list[ColumnElement[bool]] = []
    if wanted.since is not None:
        sieve.append(Delivery.updated_at >= wanted.since)
    if wanted.provider_id:
        sieve.append(Delivery.provider_pk == _provider_pk(work, wanted.provider_id))
    for column, value in ((Delivery.channel, wanted.channel), (Delivery.state, wanted.state)):
        if value:
            sieve.append(column == value)
    if wanted.reason:
        sieve.append(Delivery.reason == wanted.reason)
    return sieve


def _provider_pk(work: Work, provider_id: str) -> int:
    pk = work.session.scalar(
        select(Provider.pk).where(Provider.project_pk == work.project_pk, Provider.id == provider_id)
    )
    return pk if pk is not None else -1


def _told(work: Work, page: Page[Delivery]) -> Page[Row]:
    """The same page with the names that belong to its rows."""
    people = _names(work, Contact.pk, Contact.name, {row.contact_pk for row in page.items})
    providers = _names(work, Provider.pk, Provider.name, {row.provider_pk for row in page.items})
    ids = _names(work, Message.pk, Message.id, {row.message_pk for row in page.items})
    titles = _names(work, Message.pk, Message.title, {row.message_pk for row in page.items})
    rows = [
        Row(
            row, people.get(row.contact_pk, ""), providers.get(row.provider_pk, ""), ids.get(row.message_pk, ""),
            titles.get(row.message_pk, ""),
        )
        for row in page.items
    ]  # fmt: skip
    return Page(rows, older=page.older, newer=page.newer)


def _names(work: Work, key: Any, name: Any, pks: set[int | None]) -> dict[int | None, str]:
    found = work.session.execute(select(key, name).where(key.in_(pks - {None})))
    return {row[0]: row[1] for row in found}


@dataclass(frozen=True, slots=True)
class Story:
    """One delivery with everything that is known about it; tries and receipts in order of time with their provider."""

    row: Row
    message: Message
    contact_id: str = ""
    attempts: list[tuple[Attempt, str]] = field(default_factory=list)
    receipts: list[tuple[FeedbackEvent, str]] = field(default_factory=list)


def story_of(work: Work, delivery_pk: int) -> Story:
    """One delivery's story; NotFound when it is not of this project."""
    work.require("deliveries.read")
    delivery = work.session.get(Delivery, delivery_pk)
    if delivery is None or delivery.project_pk != work.project_pk:
        raise NotFound("This delivery does not exist, or its message was deleted.")
    message = work.session.get(Message, delivery.message_pk)
    if message is None:
        raise NotFound("The message of this delivery was deleted.")
    attempts = work.session.scalars(
        select(Attempt).where(Attempt.delivery_pk == delivery.pk).order_by(Attempt.pk).limit(200)
    ).all()
    told = work.session.scalars(
        select(FeedbackEvent)
        .where(FeedbackEvent.message_pk == message.pk, FeedbackEvent.delivery_pk == delivery.pk)
        .order_by(FeedbackEvent.at, FeedbackEvent.pk)
        .limit(200)
    ).all()
    carriers = {each.provider_pk for each in attempts} | {each.provider_pk for each in told}
    providers = _names(work, Provider.pk, Provider.name, carriers)
    contact = work.session.get(Contact, delivery.contact_pk) if delivery.contact_pk else None
    row = _told(work, Page([delivery])).items[0]
    named = [(attempt, providers.get(attempt.provider_pk, "")) for attempt in attempts]
    receipts = [(receipt, providers.get(receipt.provider_pk, "")) for receipt in told]
    return Story(row, message, contact.id if contact else "", named, receipts)


def reasons_of(work: Work, message_pk: int) -> list[tuple[str, str, int]]:
    """Why deliveries of a message did not go through: (state, reason, how many), the most frequent first."""
    found = work.session.execute(
        select(Delivery.state, Delivery.reason, func.count())
        .where(Delivery.message_pk == message_pk, Delivery.reason != "", NOTABLE)
        .group_by(Delivery.reason, Delivery.state)
    )
    return sorted(((state, reason, count) for state, reason, count in found), key=lambda line: (-line[2], line[1]))


def begin_export(work: Work, message_id: str) -> Message:
    """Note in the trail that somebody takes the recipients of a message along; the message."""
    work.require("deliveries.export")
    message: Message = work.find(Message, message_id, noun="message")
    work.audit("message.export", f"message/{message.id}")
    return message


def export_page(work: Work, message_pk: int, wanted: Filter, cursor: Cursor) -> Page[Row]:
    """The next rows of an export; each page in a transaction of its own, so that no long one blocks the database."""
    work.require("deliveries.export")
    message = work.session.get(Message, message_pk)
    if message is None or message.project_pk != work.project_pk:
        return Page([])
    return recipients_of(work, message, wanted, cursor, size=2_000)


def carried_by(work: Work, provider_pk: int) -> int:
    """How many messages a provider holds deliveries of right now."""
    return work.session.scalar(select(func.count()).select_from(carried(work, provider_pk).subquery())) or 0


def carried(work: Work, provider_pk: int) -> Select[Any]:
    """The messages that a provider holds deliveries of right now, as a query for their numbers."""
    return (
        select(Batch.message_pk)
        .where(Batch.state == "open", Batch.provider_pk == provider_pk, Batch.project_pk == work.project_pk)
        .distinct()
    )
