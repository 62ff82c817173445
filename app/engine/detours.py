"""Detours: the lanes of deliveries that may not go where they wished, because of what was tried already.

A lane is a number: what the target wishes (0: nothing), or a detour, below zero. So a claim finds the deliveries of a
detour through the same index as all others.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.engine.ledger import insert_into
from app.models.routes import Detour


@dataclass(frozen=True, slots=True)
class Way:
    """What a lane stands for: the wish, the providers tried in this round, and the one that alone may try again.

    `unfit` are the marks (`engine.capacity`) of providers that cannot carry its deliveries in any round.
    """

    wish_pk: int = 0
    avoids: frozenset[int] = frozenset()
    only_pk: int = 0
    unfit: frozenset[str] = frozenset()


def ways_of(session: Session, lanes: Iterable[int]) -> dict[int, Way]:
    """What each of these lanes stands for; one query when there are detours among them."""
    found = {lane: Way(max(lane, 0)) for lane in lanes}
    numbers = [-lane for lane in found if lane < 0]
    if numbers:
        for row in session.scalars(select(Detour).where(Detour.pk.in_(numbers))):
            avoids, unfit = (frozenset(filter(None, listed.split(","))) for listed in (row.avoids, row.unfit))
            found[-row.pk] = Way(row.wish_pk, frozenset(map(int, avoids)), row.only_pk, unfit)
    return found


def lane_of(session: Session, project_pk: int, way: Way) -> int:
    """The lane of a way, made when it is the first of its sort."""
    if not way.avoids and not way.only_pk and not way.unfit:
        return way.wish_pk
    values = {
        "project_pk": project_pk, "wish_pk": way.wish_pk, "only_pk": way.only_pk, "unfit": ",".join(sorted(way.unfit)),
        "avoids": ",".join(map(str, sorted(way.avoids))),
    }  # fmt: skip
    chosen = select(Detour.pk).filter_by(**values)
    number = session.scalar(chosen)
    if number is None:
        session.execute(insert_into(session, Detour).values(values).on_conflict_do_nothing())
        number = session.scalar(chosen)
    assert number is not None  # noqa: S101 - somebody made it, we or another worker
    return -number
