"""Sets of row numbers."""

from hypothesis import given
from hypothesis import strategies as st

from app.domain.number_sets import NumberSet

NUMBERS = st.lists(st.integers(0, 3000), max_size=40)


@given(st.lists(NUMBERS, max_size=4), st.lists(NUMBERS, max_size=4), NUMBERS)
def test_they_hold_what_sets_of_numbers_hold(mine: list[list[int]], theirs: list[list[int]], asked: list[int]) -> None:
    ours, others = (NumberSet.of(pieces) for pieces in (mine, theirs))
    expected = {number for piece in mine + theirs for number in piece}
    both = ours | others
    assert len(both) == len(expected)
    assert both.shared_with(asked) == [number for number in asked if number in expected]
    assert len(ours) == len({number for piece in mine for number in piece})


def test_a_million_take_an_eighth_of_a_megabyte() -> None:
    assert NumberSet.of([range(1_000_000)]).octets == 125_001
