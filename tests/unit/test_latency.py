"""Times kept as counts: the median that is told lies where the true one does."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.latency import BOUNDS, CLASSES, class_of, quantile


def _counts(times: list[float]) -> list[int]:
    counts = [0] * CLASSES
    for each in times:
        counts[class_of(each)] += 1
    return counts


def test_without_answers_there_is_no_time() -> None:
    assert quantile([0] * CLASSES, 0.5) == 0.0


@pytest.mark.parametrize(
    ("took", "place"), [(0, 0), (5, 0), (5.1, 1), (7, 1), (30_000, CLASSES - 2), (1e9, CLASSES - 1)]
)
def test_a_class_holds_its_upper_end(took: float, place: int) -> None:
    assert class_of(took) == place


@given(st.lists(st.floats(0, 29_000), min_size=1, max_size=300), st.sampled_from([0.5, 0.95]))
def test_a_quantile_lies_in_the_class_of_the_true_one(times: list[float], part: float) -> None:
    wanted = part * len(times)
    true = next(each for place, each in enumerate(sorted(times), 1) if place >= wanted)
    place = class_of(true)
    low = BOUNDS[place - 1] if place else 0
    assert low <= quantile(_counts(times), part) <= BOUNDS[place]


def test_what_took_longer_than_all_classes_is_told_as_the_longest() -> None:
    assert quantile(_counts([90_000.0]), 0.5) == BOUNDS[-1]


def test_classes_are_half_as_long_again_as_the_one_before_or_less_than_twice() -> None:
    assert all(1.3 < high / low < 1.7 for low, high in pairwise(BOUNDS))
