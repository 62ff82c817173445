"""Who is in large topics, kept in memory between two questions: what several of them have in common is found there.

A topic's totals and the number of those who left it are kept with every change of a subscriber. While nobody has left,
the set can only have grown; so it is what it was when it still has as many members, and else those are read who came.
"""

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from threading import Lock
from typing import Any

from sqlalchemy import Select, func, select

from app.domain.number_sets import NumberSet
from app.infra.bulk import numbers_of
from app.models.targets import Target
from app.models.topics import Subscriber, Topic
from app.services.people import topics
from app.services.people.topic_totals import total_of
from app.services.work import Work

KEPT_AT_MOST = 32 * 1024 * 1024  # octets of sets that a process keeps: 250 topics of a million
PIECE = 200_000  # subscribers that are read with one question


@dataclass(frozen=True, slots=True)
class _Known:
    """A set as it was once; `last_pk` is the newest subscriber then."""

    members: NumberSet
    left: int
    last_pk: int


_known: OrderedDict[tuple[Any, ...], _Known] = OrderedDict()
_lock = Lock()


def members_of(work: Work, topic: Topic, channel: str) -> NumberSet:
    """The targets of that channel that subscribe to the topic, by their numbers; exact, however old the kept set is."""
    url = work.session.get_bind().engine.url
    key = (url, topic.pk, topic.id, topic.created_at, channel)
    with _lock:
        known = _known.get(key)
    if known is None or known.left != topic.left_total:
        known = _Known(NumberSet(), topic.left_total, 0)
    found = _grown(work, topic, channel, known)
    if len(found.members) != total_of(topic, channel) and known.last_pk:
        found = _grown(work, topic, channel, _Known(NumberSet(), topic.left_total, 0))
    if len(found.members) == total_of(topic, channel):  # else somebody came or left between our two looks
        _keep(key, found)
    return found.members


def _grown(work: Work, topic: Topic, channel: str, known: _Known) -> _Known:
    """The set with those who came since; made from nothing where they are many."""
    came = total_of(topic, channel) - len(known.members)
    if not came and known.last_pk:
        return known
    mine = select(Subscriber.target_pk).where(Subscriber.topic_pk == topic.pk)
    if topics.total_of(topic) != total_of(topic, channel):
        mine = mine.join(Target, Target.pk == Subscriber.target_pk).where(Target.channel == channel)
    last_pk = work.session.scalar(select(func.max(Subscriber.pk)).where(Subscriber.topic_pk == topic.pk)) or 0
    if known.last_pk and came <= PIECE:
        added = numbers_of(work.session, mine.where(Subscriber.pk > known.last_pk))
        return _Known(known.members | NumberSet.of([added]), known.left, last_pk)
    return _Known(NumberSet.of(_pieces(work, mine)), known.left, last_pk)


def forget_all() -> None:
    """Keep nothing: for who measures what the first question costs."""
    with _lock:
        _known.clear()


def _keep(key: tuple[Any, ...], known: _Known) -> None:
    with _lock:
        _known[key] = known
        _known.move_to_end(key)
        while len(_known) > 1 and sum(each.members.octets for each in _known.values()) > KEPT_AT_MOST:
            _known.popitem(last=False)


def _pieces(work: Work, members: Select[int]) -> Iterator[list[int]]:
    last = 0
    while piece := numbers_of(
        work.session, members.where(Subscriber.target_pk > last).order_by(Subscriber.target_pk).limit(PIECE)
    ):
        yield piece
        last = max(piece)
