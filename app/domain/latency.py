"""How long answers took, kept as counts: a few numbers from which a median can be told for any stretch of time."""

from bisect import bisect_left
from collections.abc import Sequence

# Upper ends of the classes in milliseconds; each is about half as long again as the one before. A last class is open.
BOUNDS = (
    5, 7, 10, 15, 20, 30, 50, 70, 100, 150, 200, 300, 500, 700,
    1000, 1500, 2000, 3000, 5000, 7000, 10_000, 15_000, 20_000, 30_000,
)  # fmt: skip
CLASSES = len(BOUNDS) + 1


def class_of(milliseconds: float) -> int:
    """The class that a time belongs to, from 0 to CLASSES - 1; a class holds its upper end."""
    return bisect_left(BOUNDS, milliseconds)


def quantile(counts: Sequence[int], part: float) -> float:
    """The time in milliseconds that `part` (0 to 1) of all answers did not exceed; 0 when there were none.

    `counts` has a number for each class. Within a class the answers are taken to lie evenly, so the result may be
    wrong by the width of one class. Of the open one only its lower end is known.
    """
    wanted = sum(counts) * part
    seen = 0
    for place, count in enumerate(counts):
        if count and seen + count >= wanted:
            low = BOUNDS[place - 1] if place else 0
            high = BOUNDS[place] if place < len(BOUNDS) else low
            return low + (high - low) * max(wanted - seen, 0) / count
        seen += count
    return 0.0
