"""The totals of a topic per channel: changed together with every subscription, counted anew when in doubt.

With them goes the number of those who left, and who they were where the topic has a set (`topic_members`).
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

from sqlalchemy import ColumnElement, Integer, bindparam, func, insert, select, update

from app.domain.channels import Channel
from app.infra.prepared import Prepared
from app.models.targets import Target
from app.models.topic_sets import TopicLeaver, TopicSet
from app.models.topics import Subscriber, Topic
from app.services.work import Work

MOST_LEAVERS = 50_000  # since a topic's set was made; behind them the set is of no use, and nobody is noted any more

TopicChannel = tuple[int, str]  # (topic's pk, channel)


def column_of(channel: str) -> str:
    """The column of a topic that counts that channel."""
    return f"{Channel(channel).value}_total"


def total_of(topic: Topic, channel: str) -> int:
    """How many targets of that channel subscribe to the topic."""
    return int(getattr(topic, column_of(channel)))


def _shift(name: str, *, counts_left: bool = False) -> Prepared:
    amount = bindparam("amount", type_=Integer)
    values = {name: getattr(Topic, name) + amount} | ({"left_total": Topic.left_total - amount} if counts_left else {})
    return Prepared(update(Topic.__table__).where(Topic.pk == bindparam("topic")).values(values))  # type: ignore[arg-type] # a table


_GROW = {channel: _shift(column_of(channel)) for channel in Channel}
_SHRINK = {channel: _shift(column_of(channel), counts_left=True) for channel in Channel}


def shift(work: Work, changes: Mapping[TopicChannel, int]) -> None:
    """Add these numbers to the totals, in this transaction, in the database. For those who leave there is `leave`."""
    _shift_all(work, changes)


def leave(work: Work, who: Mapping[TopicChannel, Sequence[int]]) -> None:
    """Take these targets (by number) off the totals, and note them where a set of the topic would have to know."""
    _shift_all(work, {key: -len(targets) for key, targets in who.items()})
    gone: dict[int, list[int]] = defaultdict(list)
    for (topic_pk, _), targets in who.items():
        gone[topic_pk] += targets
    newest = select(func.max(TopicSet.left_total)).where(TopicSet.topic_pk == Topic.pk).scalar_subquery()
    known = select(Topic.pk, Topic.left_total).where(Topic.pk.in_(gone), Topic.left_total - newest <= MOST_LEAVERS)
    rows = [
        {
            "topic_pk": topic_pk, "number": left_total - place, "project_pk": work.project_pk, "target_pk": target_pk,
        }
        for topic_pk, left_total in work.session.execute(known).all()
        for place, target_pk in enumerate(gone[topic_pk])
    ]  # fmt: skip
    if rows:
        work.session.execute(insert(TopicLeaver), rows)


def _shift_all(work: Work, changes: Mapping[TopicChannel, int]) -> None:
    """A call brings or takes away, never both for one topic."""
    for topic_pk, channel in sorted(changes):  # in one order always, so that two transactions never wait for each other
        if amount := changes[topic_pk, channel]:
            work.change((_GROW if amount > 0 else _SHRINK)[Channel(channel)], topic=topic_pk, amount=amount)
    changed = {topic_pk for topic_pk, _ in changes}
    for topic in [row for row in work.objects if isinstance(row, Topic)]:
        if topic.pk in changed:
            work.session.refresh(topic)


def take_out(work: Work, targets: ColumnElement[bool]) -> None:
    """Take the subscriptions of these targets (a condition on Target) off the totals: call it before they go."""
    rows = work.session.execute(
        select(Subscriber.topic_pk, Target.channel, Subscriber.target_pk)
        .join(Target, Target.pk == Subscriber.target_pk)
        .where(targets)
        .order_by(Subscriber.pk)
        .with_for_update(of=Subscriber)  # held in one order; whoever left a moment ago is not among them
    )
    who: dict[TopicChannel, list[int]] = defaultdict(list)
    for topic_pk, channel, target_pk in rows:
        who[topic_pk, channel].append(target_pk)
    leave(work, who)


def recount(work: Work) -> int:
    """Count every subscription of the project anew and mend the totals; how many topics were wrong."""
    counted: Counter[TopicChannel] = Counter()
    rows = work.session.execute(
        select(Subscriber.topic_pk, Target.channel, func.count())
        .join(Target, Target.pk == Subscriber.target_pk)
        .where(Subscriber.project_pk == work.project_pk)
        .group_by(Subscriber.topic_pk, Target.channel)
    )
    for topic_pk, channel, count in rows:
        counted[topic_pk, channel] = count
    wrong = 0
    for topic in work.session.scalars(select(Topic).where(Topic.project_pk == work.project_pk)):
        true = {column_of(channel): counted[topic.pk, channel] for channel in Channel}
        if any(getattr(topic, name) != count for name, count in true.items()):
            wrong += 1
            topic.left_total += 1
            for name, count in true.items():
                setattr(topic, name, count)
    work.session.flush()
    return wrong
