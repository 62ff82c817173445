"""Who is in large topics, kept as sets between two questions: what several of them have in common is found there.

A set says of which moment it is: how many had left the topic by then, and which subscriber was the newest. Whoever left
since was noted (`topic_totals`), whoever came has a higher number. Take the first away and add the second, and as many
are left as the topic's total says: then nobody is missing, since nobody who had gone can be in it, and nobody in it
twice. Anything else is read anew. Sets are kept in the memory of each process, and in the database by the jobs that
look at an audience or import one, so that the first question of a process finds them too.
"""

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from threading import Lock
from typing import Any

from sqlalchemy import Select, delete, func, or_, select

from app.domain.channels import Channel
from app.domain.errors import Conflict, Unavailable
from app.domain.number_sets import NumberSet
from app.domain.permissions import system
from app.infra.bulk import numbers_of
from app.models.targets import Target
from app.models.topic_sets import TopicLeaver, TopicSet
from app.models.topics import Subscriber, Topic
from app.services.people import topics
from app.services.people.topic_totals import column_of, total_of
from app.services.work import Work, Workshop

KEPT_AT_MOST = 32 * 1024 * 1024  # octets of sets that a process keeps: 250 topics of a million
PIECE = 200_000  # subscribers that are read with one question
LARGE = 20_000  # members from which on a set is worth a row: fewer are read in some milliseconds
WORN = 10_000  # changes since a set was made after which it is made anew


@dataclass(frozen=True, slots=True)
class _Known:
    """A set as it was once; `last_pk` is the newest subscriber then."""

    members: NumberSet
    left: int
    last_pk: int


_known: OrderedDict[tuple[Any, ...], _Known] = OrderedDict()
_lock = Lock()


def members_of(work: Work, topic: Topic, channel: str) -> NumberSet:
    """The targets of that channel that subscribe to the topic, by their numbers; exact, however old a kept set is."""
    found = _found(work, topic, channel)
    if len(found.members) == total_of(topic, channel):  # else somebody came or left between our two looks
        _remember(_key(work, topic, channel), found)
    return found.members


def are_kept(work: Work, of_topics: Sequence[Topic], channel: str) -> bool:
    """Whether each of these topics has a set in this process or in the database."""
    with _lock:
        asked = [topic.pk for topic in of_topics if _key(work, topic, channel) not in _known]
    of_channel = select(func.count()).where(TopicSet.topic_pk.in_(asked), TopicSet.channel == channel)
    return not asked or work.session.scalar(of_channel) == len(asked)


def keep(shop: Workshop, project_pk: int, topic_ids: Sequence[str] | None = None) -> None:
    """Write down the sets of these topics (or of all) that are large, unless what is written down will do.

    Whoever else does it at the same moment writes what is as good.
    """
    large = [getattr(Topic, column_of(channel)) >= LARGE for channel in Channel]
    wanted = select(Topic).where(Topic.project_pk == project_pk, or_(*large))
    if topic_ids is not None:
        wanted = wanted.where(Topic.id.in_(topic_ids))
    actor = system(project_pk)
    with shop.read(actor) as work:
        worn = [
            (topic.pk, channel.value)
            for topic in work.session.scalars(wanted)
            for channel in Channel
            if total_of(topic, channel) >= LARGE and _is_worn(work, topic, channel)
        ]
    for topic_pk, channel in worn:
        with shop.read(actor) as work:
            topic = work.session.get(Topic, topic_pk)
            found = None if topic is None else _found(work, topic, channel)
            is_whole = topic is not None and found is not None and len(found.members) == total_of(topic, channel)
        if found is not None and is_whole:
            with suppress(Conflict, Unavailable), shop.open(actor) as work:
                _write(work, topic_pk, channel, found)


def forget_all() -> None:
    """Keep nothing in this process: for who measures what its first question costs."""
    with _lock:
        _known.clear()


def _found(work: Work, topic: Topic, channel: str) -> _Known:
    for known in _earlier(work, topic, channel):
        found = _followed(work, topic, channel, known)
        if found is not None:
            return found
    return _read(work, topic, channel)


def _earlier(work: Work, topic: Topic, channel: str) -> Iterator[_Known]:
    """The set that this process has, and the one that is written down, where there are such."""
    with _lock:
        known = _known.get(_key(work, topic, channel))
    if known is not None:
        yield known
    columns = select(TopicSet.members, TopicSet.left_total, TopicSet.last_pk)
    row = work.session.execute(columns.where(TopicSet.topic_pk == topic.pk, TopicSet.channel == channel)).first()
    if row is not None:
        yield _Known(NumberSet.unpacked(row.members), row.left_total, row.last_pk)


def _key(work: Work, topic: Topic, channel: str) -> tuple[Any, ...]:
    return work.session.get_bind().engine.url, topic.pk, topic.id, topic.created_at, channel


def _followed(work: Work, topic: Topic, channel: str, known: _Known) -> _Known | None:
    """The set without those who left since and with those who came; None when it cannot be told, or they are many."""
    members, last_pk = known.members, known.last_pk
    left = topic.left_total - known.left
    if not 0 <= left <= PIECE:
        return None
    if left:
        leavers = select(TopicLeaver.target_pk).where(TopicLeaver.topic_pk == topic.pk, TopicLeaver.number > known.left)
        gone = numbers_of(work.session, leavers.where(TopicLeaver.number <= topic.left_total))
        if len(gone) != left:
            return None
        members -= NumberSet.of([gone])
    came = total_of(topic, channel) - len(members)
    if not 0 <= came <= PIECE:
        return None
    if came:
        since, last_pk = last_pk, _last_pk(work, topic)
        # The last one too: where it left, SQLite gives its number to the next who comes.
        added = numbers_of(work.session, _subscribers(topic, channel).where(Subscriber.pk >= since))
        members |= NumberSet.of([added])
    return _Known(members, topic.left_total, last_pk) if len(members) == total_of(topic, channel) else None


def _read(work: Work, topic: Topic, channel: str) -> _Known:
    last_pk = _last_pk(work, topic)  # before the members: who comes meanwhile is found again
    return _Known(NumberSet.of(_pieces(work, _subscribers(topic, channel))), topic.left_total, last_pk)


def _subscribers(topic: Topic, channel: str) -> Select[int]:
    mine = select(Subscriber.target_pk).where(Subscriber.topic_pk == topic.pk)
    if topics.total_of(topic) != total_of(topic, channel):
        mine = mine.join(Target, Target.pk == Subscriber.target_pk).where(Target.channel == channel)
    return mine


def _last_pk(work: Work, topic: Topic) -> int:
    return work.session.scalar(select(func.max(Subscriber.pk)).where(Subscriber.topic_pk == topic.pk)) or 0


def _pieces(work: Work, members: Select[int]) -> Iterator[list[int]]:
    last = 0
    while piece := numbers_of(
        work.session, members.where(Subscriber.target_pk > last).order_by(Subscriber.target_pk).limit(PIECE)
    ):
        yield piece
        last = max(piece)


def _remember(key: tuple[Any, ...], known: _Known) -> None:
    with _lock:
        _known[key] = known
        _known.move_to_end(key)
        while len(_known) > 1 and sum(each.members.octets for each in _known.values()) > KEPT_AT_MOST:
            _known.popitem(last=False)


def _is_worn(work: Work, topic: Topic, channel: str) -> bool:
    """Whether there is none, or more came and left since than is quick to follow, or it cannot be followed at all."""
    of_topic = select(TopicSet.left_total, TopicSet.total).where(TopicSet.topic_pk == topic.pk)
    row = work.session.execute(of_topic.where(TopicSet.channel == channel)).first()
    if row is None:
        return True
    left = topic.left_total - row.left_total
    came = total_of(topic, channel) - row.total + left
    return left + came > WORN or not _is_noted(work, topic, row.left_total)


def _is_noted(work: Work, topic: Topic, since: int) -> bool:
    noted = select(func.count()).where(TopicLeaver.topic_pk == topic.pk, TopicLeaver.number > since)
    return work.session.scalar(noted) == topic.left_total - since


def _write(work: Work, topic_pk: int, channel: str, known: _Known) -> None:
    """In place of what is written down; leavers that every set of the topic knows are forgotten."""
    work.session.merge(
        TopicSet(
            topic_pk=topic_pk, channel=channel, project_pk=work.project_pk, left_total=known.left,
            last_pk=known.last_pk, total=len(known.members), members=known.members.packed(),
        )
    )  # fmt: skip
    work.session.flush()
    oldest = select(func.min(TopicSet.left_total)).where(TopicSet.topic_pk == topic_pk).scalar_subquery()
    known_to_all = delete(TopicLeaver).where(TopicLeaver.topic_pk == topic_pk, TopicLeaver.number <= oldest)
    work.session.execute(known_to_all, execution_options={"synchronize_session": False})
