"""What a time on the wall means, at every change of every clock of the world in the next years."""

import zoneinfo
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import NamedTuple
from zoneinfo import ZoneInfo

import pytest

from app.domain.schedules import is_shown_twice, is_skipped, moment_of
from app.infra.time_zones import use_newest

FROM, UNTIL = datetime(2026, 1, 1, tzinfo=UTC), datetime(2031, 1, 1, tzinfo=UTC)
DAY, SECOND = timedelta(days=1), timedelta(seconds=1)


class Change(NamedTuple):
    """The first second at which clocks of a zone show another offset than before."""

    zone: ZoneInfo
    at: datetime
    before: timedelta
    after: timedelta


def _offset(zone: ZoneInfo, moment: datetime) -> timedelta:
    offset = moment.astimezone(zone).utcoffset()
    assert offset is not None
    return offset


def _changes_of(zone: ZoneInfo) -> Iterator[Change]:
    days = [FROM + number * DAY for number in range((UNTIL - FROM) // DAY + 1)]
    for early, late in pairwise(days):
        if _offset(zone, early) != _offset(zone, late):
            low, high = early, late
            while high - low > SECOND:
                middle = low + (high - low) // 2 // SECOND * SECOND
                low, high = (middle, high) if _offset(zone, middle) == _offset(zone, early) else (low, middle)
            yield Change(zone, high, _offset(zone, low), _offset(zone, high))


@pytest.fixture(scope="module")
def changes() -> list[Change]:
    use_newest()
    found = [change for name in sorted(zoneinfo.available_timezones()) for change in _changes_of(ZoneInfo(name))]
    assert len(found) > 1500
    assert {change.zone.key for change in found} > {"Europe/Berlin", "Australia/Lord_Howe", "Africa/Casablanca"}
    return found


def _wall(moment: datetime, offset: timedelta) -> datetime:
    return (moment + offset).replace(tzinfo=None)


def test_a_time_that_clocks_skip_is_known_as_such_to_the_second_in_every_zone(changes: list[Change]) -> None:
    for change in changes:
        first, end = _wall(change.at, change.before), _wall(change.at, change.after)
        for wall, is_between in ((first - SECOND, False), (first, True), (end - SECOND, True), (end, False)):
            assert is_skipped(wall, change.zone) is (is_between and first < end), (change, wall)


def test_a_time_that_is_skipped_counts_as_much_later_as_the_clocks_went_forward(changes: list[Change]) -> None:
    forward = [change for change in changes if change.after > change.before]
    assert forward
    for change in forward:
        gap = change.after - change.before
        for wall in (_wall(change.at, change.before), _wall(change.at, change.after) - SECOND):
            shown = moment_of(wall, change.zone).astimezone(change.zone).replace(tzinfo=None)
            assert shown == wall + gap, change


def test_of_a_time_that_clocks_show_twice_the_first_is_meant(changes: list[Change]) -> None:
    back = [change for change in changes if change.after < change.before]
    assert back
    for change in back:
        first, end = _wall(change.at, change.after), _wall(change.at, change.before)
        for wall in (first, end - SECOND):
            assert is_shown_twice(wall, change.zone), change
            moment = moment_of(wall, change.zone)
            assert moment == wall.replace(tzinfo=UTC) - change.before < change.at, change
        assert not is_shown_twice(first - SECOND, change.zone), change
        assert not is_shown_twice(end, change.zone), change


def test_every_other_time_comes_back_from_its_moment_as_it_was_chosen(changes: list[Change]) -> None:
    for change in changes:
        for minutes in range(-180, 181, 15):
            wall = _wall(change.at, change.before) + timedelta(minutes=minutes)
            if not is_skipped(wall, change.zone):
                shown = moment_of(wall, change.zone).astimezone(change.zone)
                assert shown.replace(tzinfo=None, fold=0) == wall, (change, wall)
                assert shown.fold == 0, (change, wall)


def test_a_later_time_on_the_wall_is_never_an_earlier_moment(changes: list[Change]) -> None:
    for change in changes:
        walls = [_wall(change.at, change.before) + timedelta(minutes=minutes) for minutes in range(-180, 181, 15)]
        moments = [moment_of(wall, change.zone) for wall in walls if not is_skipped(wall, change.zone)]
        assert all(early < late for early, late in pairwise(moments)), change
