"""Dead letters, as people look at them: in groups of message, state, reason and provider, and one by one.

Whatever the size of the ledger, a page costs by what it shows: from message to message, and in each from group to
group, the index of dead letters (`models.deliveries`) is entered anew, and nothing counts further than MOST.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, and_, bindparam, func, or_, select, text

from app.domain.dead_letters import Chosen, is_dead_letter
from app.domain.errors import Invalid, NotFound
from app.domain.outcomes import answer_line
from app.engine import dead_letters as engine
from app.models.base import from_milliseconds, to_milliseconds
from app.models.contacts import Contact
from app.models.deliveries import DEAD, Attempt, Delivery
from app.models.messages import Message
from app.models.providers import Provider
from app.services.lists.listing import PAGE_SIZE, Cursor, Page
from app.services.work import Work

MOST = 10_000  # what pages count; beyond it they say "more than"
MESSAGES = 10  # of one page
LOOKED_THROUGH = 400  # messages that one page looks at when filters leave most of them out
NOBODY, GONE = "none", "gone:"  # a provider in an address: none carried it; one that was disconnected, by its number

_NEXT_MESSAGES = """
WITH RECURSIVE walk(pk, place) AS (
  SELECT (SELECT message_pk FROM deliveries WHERE project_pk = :project AND {dead} AND message_pk {beyond} :edge
          ORDER BY message_pk {order} LIMIT 1), 1
  UNION ALL
  SELECT (SELECT message_pk FROM deliveries WHERE project_pk = :project AND {dead} AND message_pk {beyond} walk.pk
          ORDER BY message_pk {order} LIMIT 1), place + 1
  FROM walk WHERE walk.pk IS NOT NULL AND place < :most)
SELECT pk FROM walk WHERE pk IS NOT NULL
"""
_OLDER = text(_NEXT_MESSAGES.format(dead=DEAD.text, beyond="<", order="DESC"))
_NEWER = text(_NEXT_MESSAGES.format(dead=DEAD.text, beyond=">", order="ASC"))
# The first delivery of each group. Where those of no provider stand in the order is what the two databases differ in.
_HEADS = """
WITH RECURSIVE heads(pk) AS (
  SELECT (SELECT deliveries.pk FROM deliveries WHERE project_pk = :project AND message_pk = messages.pk AND {dead}
          ORDER BY reason, state, provider_pk, updated_at LIMIT 1)
  FROM messages WHERE messages.pk IN :messages
  UNION ALL
  SELECT COALESCE(
    (SELECT n.pk FROM deliveries n WHERE n.project_pk = :project AND n.message_pk = h.message_pk AND {dead}
       AND n.reason = h.reason AND n.state = h.state AND n.provider_pk > h.provider_pk
     ORDER BY n.provider_pk, n.updated_at LIMIT 1),
    (SELECT n.pk FROM deliveries n WHERE n.project_pk = :project AND n.message_pk = h.message_pk AND {dead}
       AND n.reason = h.reason AND n.state = h.state AND {across}
     ORDER BY n.provider_pk, n.updated_at LIMIT 1),
    (SELECT n.pk FROM deliveries n WHERE n.project_pk = :project AND n.message_pk = h.message_pk AND {dead}
       AND n.reason = h.reason AND n.state > h.state
     ORDER BY n.state, n.provider_pk, n.updated_at LIMIT 1),
    (SELECT n.pk FROM deliveries n WHERE n.project_pk = :project AND n.message_pk = h.message_pk AND {dead}
       AND n.reason > h.reason
     ORDER BY n.reason, n.state, n.provider_pk, n.updated_at LIMIT 1))
  FROM heads JOIN deliveries h ON h.pk = heads.pk)
SELECT message_pk, state, reason, provider_pk FROM heads JOIN deliveries ON deliveries.pk = heads.pk
"""
_ACROSS = {
    "sqlite": "h.provider_pk IS NULL AND n.provider_pk IS NOT NULL",
    "postgresql": "h.provider_pk IS NOT NULL AND n.provider_pk IS NULL",
}
_HEADS_OF = {
    dialect: text(_HEADS.format(dead=DEAD.text, across=across)).bindparams(bindparam("messages", expanding=True))
    for dialect, across in _ACROSS.items()
}


class Total(NamedTuple):
    """A count that ends at MOST."""

    number: int
    is_more: bool = False


NONE = Total(0)


class Carrier(NamedTuple):
    """The provider of a group: its number (0: none carried it), what stands for it in an address, and its name."""

    pk: int
    key: str
    name: str


@dataclass(frozen=True, slots=True)
class Group:
    """Dead letters of one message that ended alike at one provider."""

    message: Message
    state: str
    reason: str
    carrier: Carrier
    total: Total
    oldest: datetime
    newest: datetime

    @property
    def is_cancelled(self) -> bool:
        """Whether nothing of its message is sent again."""
        return self.message.cancelled_at is not None

    @property
    def key(self) -> dict[str, str]:
        """What names the group in an address."""
        named = {"message": self.message.id, "state": self.state, "reason": self.reason}
        return named | {"provider": self.carrier.key}


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody asks for, in the words of an address; empty means all. `since` is a moment in UTC."""

    message_id: str = ""
    state: str = ""
    reason: str = ""
    provider: str = ""
    channel: str = ""
    since: datetime | None = None
    delivery_pk: int | None = None


def choose(work: Work, wish: Wish) -> Chosen:
    """The wish in numbers. NotFound for a message that does not exist; a provider that does not fits nothing."""
    message_pk = work.find(Message, wish.message_id, noun="message").pk if wish.message_id else None
    provider_pk = _provider_pk(work, wish.provider) if wish.provider else None
    return Chosen(
        message_pk, wish.state, wish.reason, provider_pk, wish.channel, wish.since, delivery_pk=wish.delivery_pk
    )


def _provider_pk(work: Work, key: str) -> int:
    number = key.removeprefix(GONE)
    if key == NOBODY:
        return 0
    if key.startswith(GONE):
        return int(number) if number.isascii() and number.isdigit() and len(number) < 19 else -1
    mine = select(Provider.pk).where(Provider.project_pk == work.project_pk, Provider.id == key)
    return work.session.scalar(mine) or -1


def total_of(work: Work) -> Total:
    """How many dead letters the project has, counted as far as MOST."""
    work.require("deliveries.read")
    # That every number of a message is above 0 leads databases without statistics to the index of dead letters.
    return _count(work, [*engine.where(work.project_pk, Chosen()), Delivery.message_pk > 0])


def _count(work: Work, clauses: Sequence[engine.Clause]) -> Total:
    some = select(Delivery.pk).where(*clauses).limit(MOST + 1)
    number = work.session.scalar(select(func.count()).select_from(some.subquery())) or 0
    return Total(min(number, MOST), number > MOST)


def list_groups(work: Work, wish: Wish, cursor: Cursor, size: int = MESSAGES) -> Page[Group]:
    """The groups of up to `size` messages, the newest message first; a cursor is a message's number.

    With filters no more than LOOKED_THROUGH messages are looked at, so a page may be short, or empty, and go on.
    """
    work.require("deliveries.read")
    chosen = choose(work, wish)
    if chosen.message_pk is not None:
        return Page(_groups_of(work, chosen, [chosen.message_pk]))
    down = cursor.before is None
    start = cursor.after if down else cursor.before
    found: list[list[Group]] = []  # of each message that has some
    seen: list[int] = []
    goes_on = True
    while goes_on and len(found) < size and len(seen) < LOOKED_THROUGH:
        room = size - len(found)
        ahead = _messages(work, seen[-1] if seen else start, room + 1, down=down)
        goes_on = len(ahead) > room
        seen += ahead[:room]
        found += [list(groups) for _, groups in groupby(_groups_of(work, chosen, ahead[:room]), key=_number_of)]
    if not down:
        found.reverse()
    further = str(seen[-1]) if goes_on else None
    behind = None if start is None else str(seen[0] if seen else start)
    older, newer = (further, behind) if down else (behind, further)
    return Page([group for groups in found for group in groups], older=older, newer=newer)


def _number_of(group: Group) -> int:
    return group.message.pk


def _messages(work: Work, edge: int | None, most: int, *, down: bool) -> list[int]:
    """The next messages with dead letters beyond the edge."""
    beginning = 2**62 if down else 0
    values = {"project": work.project_pk, "edge": beginning if edge is None else edge, "most": most}
    return list(work.session.scalars(_OLDER if down else _NEWER, values))


def _groups_of(work: Work, chosen: Chosen, message_pks: Sequence[int]) -> list[Group]:
    """The groups of these messages, in their order, that fit."""
    if not message_pks:
        return []
    statement = _HEADS_OF[work.session.get_bind().dialect.name]
    heads = work.session.execute(statement, {"project": work.project_pk, "messages": list(message_pks)}).all()
    messages = {row.pk: row for row in work.session.scalars(select(Message).where(Message.pk.in_(message_pks)))}
    fitting = [head for head in heads if head.message_pk in messages and _fits(chosen, head, messages)]
    carriers = carriers_of(work, {head.provider_pk for head in fitting})
    place = {pk: index for index, pk in enumerate(message_pks)}
    fitting.sort(key=lambda head: (place[head.message_pk], head.reason, head.state, head.provider_pk or 0))
    groups = []
    for head in fitting:
        exact = replace(
            chosen, message_pk=head.message_pk, state=head.state, reason=head.reason, provider_pk=head.provider_pk or 0
        )
        oldest, newest = _span(work, exact)
        if oldest is not None and newest is not None:
            carrier = carriers[head.provider_pk or 0]
            total = _count(work, engine.where(work.project_pk, exact))
            groups.append(Group(messages[head.message_pk], head.state, head.reason, carrier, total, oldest, newest))
    return groups


def _fits(chosen: Chosen, head: Any, messages: dict[int, Message]) -> bool:
    wanted = (
        (chosen.state, head.state), (chosen.reason, head.reason), (chosen.channel, messages[head.message_pk].channel),
    )  # fmt: skip
    is_carrier = chosen.provider_pk is None or chosen.provider_pk == (head.provider_pk or 0)
    return is_carrier and all(not value or value == found for value, found in wanted)


def _span(work: Work, exact: Chosen) -> tuple[datetime | None, datetime | None]:
    """When the first and the last of one group died; two looks into the index."""
    mine = engine.where(work.project_pk, exact)
    ends = [
        select(Delivery.updated_at).where(*mine).order_by(*order).limit(1).scalar_subquery()
        for order in (_in_order(down=False), _in_order(down=True))
    ]
    row = work.session.execute(select(*ends)).one()
    return row[0], row[1]


def _in_order(*, down: bool) -> list[ColumnElement[Any]]:
    """Those of a group in order of their death. The provider is the same, but PostgreSQL asks for it by name."""
    columns = (Delivery.provider_pk, Delivery.updated_at, Delivery.pk)
    return [column.desc() if down else column.asc() for column in columns]


def carriers_of(work: Work, pks: set[int | None]) -> dict[int, Carrier]:
    """The providers of these numbers, by number; 0 is none."""
    found = work.session.execute(
        select(Provider.pk, Provider.id, Provider.name).where(Provider.pk.in_(pks - {None}))
    ).all()
    known = {row.pk: Carrier(row.pk, row.id, row.name) for row in found}
    gone = {pk: Carrier(pk, f"{GONE}{pk}", "A provider that was disconnected") for pk in pks - {None} if pk}
    return {**gone, **known, 0: Carrier(0, NOBODY, "None")}


class Letter(NamedTuple):
    """One dead letter as a list shows it, with the last answer of a service."""

    delivery: Delivery
    contact_name: str
    answer: str


def list_letters(work: Work, wish: Wish, after: str = "", before: str = "", size: int = PAGE_SIZE) -> Page[Letter]:
    """The dead letters of one group, those that died last first. Cursors are a moment and a number, `ms-pk`.

    NotFound when the wish names no group; Invalid for a cursor that no page handed out.
    """
    work.require("deliveries.read")
    if not (wish.message_id and wish.state and wish.reason and wish.provider):
        raise NotFound("This is no group of dead letters; choose one from the list.")
    mine = engine.where(work.project_pk, choose(work, wish))
    down = not before
    edge = _edge(after if down else before)
    if edge is not None:
        at, pk = edge
        is_beyond = (
            (Delivery.updated_at < at, Delivery.pk < pk) if down else (Delivery.updated_at > at, Delivery.pk > pk)
        )
        mine.append(or_(is_beyond[0], and_(Delivery.updated_at == at, is_beyond[1])))
    found = work.session.scalars(select(Delivery).where(*mine).order_by(*_in_order(down=down)).limit(size + 1)).all()
    rows = list(found[:size])
    if not down:
        rows.reverse()
    has_more = len(found) > size
    older = bool(rows) and (has_more if down else True)
    newer = bool(rows) and (edge is not None if down else has_more)
    page = _letters(work, rows)
    return Page(page, older=_spot(rows[-1]) if older else None, newer=_spot(rows[0]) if newer else None)


def _edge(cursor: str) -> tuple[datetime, int] | None:
    moment, _, number = cursor.partition("-")
    if not cursor:
        return None
    if not all(part.isascii() and part.isdigit() and len(part) < 15 for part in (moment, number)):
        raise Invalid({"page": ["This page's address is damaged; go back to the first page."]})
    return from_milliseconds(int(moment)), int(number)


def _spot(row: Delivery) -> str:
    return f"{to_milliseconds(row.updated_at)}-{row.pk}"


def _letters(work: Work, rows: Sequence[Delivery]) -> list[Letter]:
    pks = [row.pk for row in rows]
    people = select(Contact.pk, Contact.name).where(Contact.pk.in_({row.contact_pk for row in rows} - {None}))
    names = {row.pk: row.name for row in work.session.execute(people)}
    last = select(func.max(Attempt.pk)).where(Attempt.delivery_pk.in_(pks)).group_by(Attempt.delivery_pk)
    told = select(Attempt.delivery_pk, Attempt.code, Attempt.detail).where(Attempt.pk.in_(last))
    answers = {row.delivery_pk: answer_line(row.code, row.detail) for row in work.session.execute(told)}
    return [Letter(row, names.get(row.contact_pk or 0, ""), answers.get(row.pk, "")) for row in rows]


def is_dead(delivery: Delivery) -> bool:
    """Whether this delivery is a dead letter that nobody dismissed."""
    return is_dead_letter(delivery.state, delivery.reason) and delivery.dismissal_pk is None
