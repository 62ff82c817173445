"""Two messages that reach the same topic soon after each other: which they are, and how soon is too soon."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from sqlalchemy import select

from app.domain.errors import Invalid
from app.models.messages import Message
from app.models.topics import Topic
from app.services.planning.calendar_rows import Found, read_with_audiences
from app.services.work import Work

GAPS = tuple(timedelta(hours=hours) for hours in (0, 1, 4, 12, 24, 48, 72, 168))  # none: nobody is warned
MOST_COMPARED = 1_000  # messages of each sort that are looked at; of those that were sent the newest
MOST_NAMED = 5


@dataclass(frozen=True, slots=True)
class Clash:
    """Another message to a topic of this one: when it goes or went out, and the names of the topics.

    `apart` is how long after this one it comes; below zero when it comes before.
    """

    id: str
    title: str
    channel: str
    at: datetime
    apart: timedelta
    topics: tuple[str, ...]

    @property
    def distance(self) -> timedelta:
        """How far apart they are."""
        return abs(self.apart)


def gap_of(work: Work) -> timedelta:
    """Within which time two messages to one topic are warned about; none when the project wants no warning."""
    return timedelta(seconds=work.project.topic_gap)


def set_gap(work: Work, gap: timedelta) -> None:
    """Warn from now on about messages to one topic that are less than this apart. Raises Invalid by field."""
    work.require("project.write")
    if gap not in GAPS:
        raise Invalid({"gap": ["Choose how far apart messages to one topic shall be from the list."]})
    project = work.project
    before = project.topic_gap
    if before == int(gap.total_seconds()):
        return
    project.topic_gap, project.updated_at = int(gap.total_seconds()), work.now
    work.audit("project.update", f"project/{project.id}", before={"topic_gap": before},
               after={"topic_gap": project.topic_gap})  # fmt: skip


def clashes_of(work: Work, message: Message, moment: datetime) -> list[Clash]:
    """What else reaches a topic of this message within the project's gap around that moment; the nearest first."""
    work.require("messages.read")
    gap, topics = gap_of(work), set(message.audience.get("topics", ()))
    if not gap or not topics:
        return []
    near = _sends(work, moment - gap, moment + gap + timedelta(milliseconds=1))
    names = _names(work, topics)
    found = [
        _clash(moment, each, topics & shared, names)
        for each, shared in near
        if each.pk != message.pk and topics & shared
    ]
    return sorted(found, key=lambda clash: clash.distance)[:MOST_NAMED]


def mark_clashes(work: Work, found: Sequence[Found]) -> dict[int, list[Clash]]:
    """For each of these messages, by its number, its neighbours on the same topic that are too near.

    At least one of the two is still to be sent: what has happened cannot be avoided.
    """
    gap = gap_of(work)
    ahead = [each.at for each in found if each.is_waiting and each.at >= work.now and each.audience.get("topics")]
    if not gap or not ahead:
        return {}
    sends = _sends(work, min(ahead) - gap, max(ahead) + gap + timedelta(milliseconds=1))
    by_topic: dict[str, list[Found]] = defaultdict(list)
    for each, topics in sends:
        for topic in topics:
            by_topic[topic].append(each)
    shared: dict[tuple[int, int], set[str]] = defaultdict(set)
    known = {each.pk: each for each, _ in sends}
    for topic, row in by_topic.items():
        for one, two in pairwise(row):
            if two.at - one.at <= gap and two.is_waiting:
                shared[one.pk, two.pk].add(topic)
    names = _names(work, {topic for topics in shared.values() for topic in topics})
    marks: dict[int, list[Clash]] = defaultdict(list)
    for (one_pk, two_pk), topics in shared.items():
        one, two = known[one_pk], known[two_pk]
        marks[one_pk].append(_clash(one.at, two, topics, names))
        marks[two_pk].append(_clash(two.at, one, topics, names))
    return marks


def _sends(work: Work, begin: datetime, end: datetime) -> list[tuple[Found, set[str]]]:
    """What goes out, or went out, between these moments, with the ids of its topics, in order of time.

    Not what was cancelled, names no topic, or waits although its time is over.
    """
    found = read_with_audiences(work, begin, end, most=MOST_COMPARED)
    alive = [each for each in found if each.cancelled_at is None and (not each.is_waiting or each.at >= work.now)]
    return [(each, set(topics)) for each in alive if (topics := each.audience.get("topics"))]


def _names(work: Work, topics: set[str]) -> dict[str, str]:
    if not topics:
        return {}
    rows = work.session.execute(
        select(Topic.id, Topic.name).where(Topic.project_pk == work.project_pk, Topic.id.in_(topics))
    )
    return {row[0]: row[1] for row in rows}


def _clash(at: datetime, other: Found, topics: set[str], names: dict[str, str]) -> Clash:
    called = sorted(names.get(topic, "a deleted topic") for topic in topics)
    return Clash(other.id, other.title, other.channel, other.at, other.at - at, tuple(called[:MOST_NAMED]))
