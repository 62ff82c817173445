"""Whose turn it is among providers that stand side by side: smooth weighted round robin with a memory.

Each has a balance: how many deliveries it was given beyond its share, below zero when it is owed some. Whoever is owed
most is next. Because balances are kept, a thousand messages to one person each follow the shares as well as one
message to a thousand. Who rests takes no part: nothing is owed to it for that time when it comes back.
"""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Standing:
    """One of the providers side by side: its number, its share (1 or more), its balance in deliveries."""

    pk: int
    share: int
    balance: float = 0.0


def next_turn(standings: Sequence[Standing], remaining: int) -> tuple[int, int]:
    """Whose turn it is, and how many of the `remaining` deliveries it may be given at most, 1 or more.

    The number is such that all would be even if the others got the rest. At least one standing is needed.
    """
    total = sum(each.share for each in standings)
    mean = sum(each.balance for each in standings) / len(standings)
    first = max(standings, key=lambda each: (each.share / total - each.balance, -each.pk))
    return first.pk, max(1, round(remaining * first.share / total - (first.balance - mean)))


def changes(standings: Sequence[Standing], pk: int, count: int) -> dict[int, float]:
    """How each balance moves when that one is given `count` deliveries (or, below zero, gives them back).

    They add up to nothing.
    """
    total = sum(each.share for each in standings)
    return {each.pk: (count if each.pk == pk else 0) - count * each.share / total for each in standings}


def per_cent(shares: Sequence[int]) -> list[int]:
    """The shares in whole per cent that add up to 100: the largest remainders are rounded up."""
    total = sum(shares)
    if not total:
        return []
    exact = [share * 100 / total for share in shares]
    whole = [int(each) for each in exact]
    by_remainder = sorted(range(len(shares)), key=lambda place: (whole[place] - exact[place], place))
    for place in by_remainder[: 100 - sum(whole)]:
        whole[place] += 1
    return whole
