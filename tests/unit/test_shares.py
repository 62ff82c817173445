"""Turns between providers side by side: exact over the long run, whatever the sizes of messages are."""

from collections import Counter
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.shares import Standing, changes, next_turn, per_cent

SHARES = st.lists(st.integers(1, 100), min_size=2, max_size=6)


def _deal(shares: list[int], messages: Iterable[int], most: int = 1000) -> tuple[Counter[int], dict[int, float]]:
    """Send messages of these sizes through providers 0, 1 … : how many each got, and their balances."""
    balances, given_to = dict.fromkeys(range(len(shares)), 0.0), Counter[int]()
    for size in messages:
        left = size
        while left:
            standings = [Standing(pk, share, balances[pk]) for pk, share in enumerate(shares)]
            pk, allowed = next_turn(standings, left)
            assert allowed >= 1
            count = min(allowed, left, most)
            given_to[pk] += count
            left -= count
            for each, change in changes(standings, pk, count).items():
                balances[each] += change
    return given_to, balances


def test_one_message_is_divided_by_share() -> None:
    assert _deal([50, 50], [100])[0] == {0: 50, 1: 50}
    assert _deal([3, 1], [100])[0] == {0: 75, 1: 25}


def test_messages_to_one_person_each_follow_the_shares_too() -> None:
    order = []
    balances = [0.0, 0.0]
    for _ in range(8):
        standings = [Standing(pk, share, balances[pk]) for pk, share in enumerate([3, 1])]
        pk, size = next_turn(standings, 1)
        assert size == 1
        order.append(pk)
        for each, change in changes(standings, pk, 1).items():
            balances[each] += change
    assert order == [0, 0, 1, 0, 0, 0, 1, 0], "spread, not one after the other"


@given(SHARES)
def test_after_as_many_single_messages_as_there_are_shares_each_had_exactly_its_own(shares: list[int]) -> None:
    assert _deal(shares, [1] * sum(shares))[0] == dict(enumerate(shares))


@given(SHARES, st.lists(st.integers(1, 5000), min_size=1, max_size=40), st.integers(1, 1000))
def test_nobody_is_ever_further_from_its_share_than_a_batch(shares: list[int], sizes: list[int], most: int) -> None:
    given_to, _ = _deal(shares, sizes, most)
    total = sum(sizes)
    assert given_to.total() == total
    for pk, share in enumerate(shares):
        assert abs(given_to[pk] - total * share / sum(shares)) <= most + len(shares)


@given(SHARES, st.lists(st.integers(1, 5000), min_size=1, max_size=40))
def test_balances_add_up_to_nothing(shares: list[int], sizes: list[int]) -> None:
    assert sum(_deal(shares, sizes)[1].values()) == pytest.approx(0, abs=1e-6)


@given(SHARES, st.integers(1, 1000), st.integers(1, 1000))
def test_what_is_given_back_was_never_given(shares: list[int], count: int, untouched: int) -> None:
    standings = [Standing(pk, share) for pk, share in enumerate(shares)]
    there, back = changes(standings, 0, count + untouched), changes(standings, 0, -untouched)
    assert {pk: there[pk] + back[pk] for pk in there} == pytest.approx(changes(standings, 0, count))


def test_who_rested_does_not_make_up_for_it() -> None:
    balances = {0: 0.4, 1: -0.4, 2: 0.0}
    for _ in range(1000):  # the third one rests
        standings = [Standing(pk, 1, balances[pk]) for pk in (0, 1)]
        pk, _ = next_turn(standings, 1)
        for each, change in changes(standings, pk, 1).items():
            balances[each] += change
    order = []
    for _ in range(6):
        standings = [Standing(pk, 1, balances[pk]) for pk in (0, 1, 2)]
        pk, _ = next_turn(standings, 1)
        order.append(pk)
        for each, change in changes(standings, pk, 1).items():
            balances[each] += change
    assert Counter(order)[2] == 2


@given(st.lists(st.integers(1, 100), min_size=1, max_size=9))
def test_parts_in_per_cent_add_up_to_a_hundred(shares: list[int]) -> None:
    parts = per_cent(shares)
    assert sum(parts) == 100
    for part, share in zip(parts, shares, strict=True):
        assert abs(part - share * 100 / sum(shares)) < 1


def test_three_alike_are_drawn_as_34_33_33() -> None:
    assert per_cent([1, 1, 1]) == [34, 33, 33]
    assert per_cent([]) == []
