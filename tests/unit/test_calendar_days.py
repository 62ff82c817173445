"""Days in zones: they follow each other without a gap, hours make up the whole day, no moment is in the wrong hour."""

from datetime import UTC, date, datetime, timedelta
from functools import cache
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.calendar_days import (
    View,
    begin_of,
    changes_between,
    day_of,
    days_from,
    hours_ahead,
    period_of,
    read_day,
    slots_of,
)
from app.domain.week_starts import week_start_of
from app.infra.time_zones import names

HOUR = timedelta(hours=1)
BERLIN = ZoneInfo("Europe/Berlin")


@cache
def changing_days() -> list[tuple[str, date]]:
    """Every day from 2024 to 2029 on which clocks of a zone change, for each zone there is."""
    begin, end = datetime(2024, 1, 1, tzinfo=UTC), datetime(2029, 1, 1, tzinfo=UTC)
    found = []
    for name in sorted(names()):
        zone = ZoneInfo(name)
        for change in changes_between(begin, end, zone):
            found += [(name, change.before.date()), (name, change.after.date())]
    return found


def test_the_days_on_which_clocks_change_are_found_in_every_zone() -> None:
    zones = {name for name, _ in changing_days()}
    assert {"Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Beirut", "Africa/Casablanca"} <= zones
    assert "Asia/Kolkata" not in zones


def test_the_hours_of_every_changing_day_of_every_zone_are_all_of_it_and_say_what_clocks_show() -> None:
    for name, day in set(changing_days()):
        zone = ZoneInfo(name)
        (found,) = days_from(day, 1, zone)
        slots = slots_of(found, zone)
        assert (slots[0].begins_at, slots[-1].ends_at) == (found.begins_at, found.ends_at), (name, day)
        assert all(one.ends_at == two.begins_at for one, two in pairwise(slots))
        assert all(timedelta() < slot.ends_at - slot.begins_at <= HOUR for slot in slots)
        assert all(slot.local == slot.begins_at.astimezone(zone) and slot.local.date() == day for slot in slots)
        assert len({slot.key for slot in slots}) == len(slots)
        for slot in slots:  # whatever lies in an hour is shown by a clock within that hour
            assert (slot.ends_at - timedelta(seconds=1)).astimezone(zone).hour == slot.local.hour


@given(st.sampled_from(sorted(names())), st.dates(date(1990, 1, 1), date(2040, 1, 1)), st.integers(1, 45))
@settings(max_examples=150)
def test_days_follow_each_other_without_a_gap(name: str, first: date, count: int) -> None:
    zone = ZoneInfo(name)
    days = days_from(first, count, zone)
    assert [day.date for day in days] == [first + timedelta(days=step) for step in range(count)]
    assert all(one.ends_at == two.begins_at for one, two in pairwise(days))
    assert sum((day.length for day in days), timedelta()) == days[-1].ends_at - days[0].begins_at


@given(st.sampled_from(sorted(names())), st.datetimes(datetime(1990, 1, 1), datetime(2040, 1, 1)))
@settings(max_examples=150)
def test_every_moment_lies_in_one_day_and_one_hour_of_it(name: str, naive: datetime) -> None:
    zone, moment = ZoneInfo(name), naive.replace(tzinfo=UTC, microsecond=0)
    local = moment.astimezone(zone)
    days = days_from(local.date() - timedelta(days=2), 5, zone)
    place = day_of(moment, days)
    assert place is not None
    holding = [slot for slot in slots_of(days[place], zone) if slot.begins_at <= moment < slot.ends_at]
    assert [slot.local.hour for slot in holding] == [local.hour]


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("Europe/Berlin", date(2027, 3, 28), 23),
        ("Europe/Berlin", date(2026, 10, 25), 25),
        ("Europe/Berlin", date(2026, 11, 24), 24),
        ("Australia/Lord_Howe", date(2026, 10, 4), 23.5),
        ("Asia/Beirut", date(2026, 10, 24), 25),  # back across midnight, into the day before
        ("Pacific/Apia", date(2011, 12, 30), 0),  # the zone left this day out
    ],
)
def test_a_day_is_as_long_as_its_clocks_make_it(zone: str, day: date, hours: float) -> None:
    (found,) = days_from(day, 1, ZoneInfo(zone))
    assert found.length == timedelta(hours=hours)
    assert sum((slot.ends_at - slot.begins_at for slot in slots_of(found, ZoneInfo(zone))), timedelta()) == found.length


def test_an_hour_that_clocks_leave_out_is_not_there_and_one_they_show_twice_is_there_twice() -> None:
    (spring,) = days_from(date(2027, 3, 28), 1, BERLIN)
    (autumn,) = days_from(date(2026, 10, 25), 1, BERLIN)
    assert (2, 0) not in {slot.key for slot in slots_of(spring, BERLIN)}
    twice = [slot.begins_at for slot in slots_of(autumn, BERLIN) if slot.local.hour == 2]
    assert twice == [datetime(2026, 10, 25, hour, tzinfo=UTC) for hour in (0, 1)]
    assert [(change.is_forward, change.length) for change in spring.changes] == [(True, HOUR)]
    assert (spring.changes[0].before, spring.changes[0].after) == (
        datetime(2027, 3, 28, 2),
        datetime(2027, 3, 28, 3),
    )


def test_a_day_that_begins_when_clocks_jump_over_midnight_begins_there() -> None:
    assert begin_of(date(2026, 4, 24), ZoneInfo("Africa/Cairo")) == datetime(2026, 4, 23, 22, tzinfo=UTC)


@given(st.dates(date(2000, 1, 1), date(2100, 1, 1)), st.sampled_from(list(View)), st.integers(0, 6))
@settings(max_examples=200)
def test_a_period_holds_its_date_and_its_neighbours_adjoin(day: date, view: View, week_start: int) -> None:
    period = period_of(view, day, week_start)
    last = period.first + timedelta(days=period.count - 1)
    assert period.first <= day <= last
    assert period_of(view, period.next, week_start).previous <= day
    if view in {View.MONTH, View.WEEK}:
        assert (period.first.weekday(), period.count % 7) == (week_start, 0)
    if view is View.MONTH:
        assert period.count in {28, 35, 42}
        assert (period.focus.day, period.next.day, period.previous.day) == (1, 1, 1)


@pytest.mark.parametrize(
    ("languages", "first"),
    [
        ("de-DE,de;q=0.9", 0), ("en-US,en;q=0.5", 6), ("en-GB", 0), ("ar-EG", 5), ("zh-Hant-TW", 6), ("dv-MV", 4),
        ("en", 6), ("de", 0), ("*", 0), ("", 0), ("x" * 500, 0), ("en-us", 6), ("es-419", 0),
    ],
)  # fmt: skip
def test_a_week_starts_as_it_does_where_the_reader_lives(languages: str, first: int) -> None:
    assert week_start_of(languages) == first


def test_only_dates_that_a_calendar_shows_are_read() -> None:
    today = date(2026, 11, 22)
    assert read_day("", today) == today
    assert read_day("2026-12-24", today) == date(2026, 12, 24)
    assert [read_day(text, today) for text in ("2026-13-01", "9999-12-31", "0001-01-01", "soon", "\0")] == [None] * 5


def test_one_zone_is_ahead_of_another_by_what_their_clocks_say_at_that_moment() -> None:
    new_york = ZoneInfo("America/New_York")
    assert hours_ahead(datetime(2026, 11, 22, tzinfo=UTC), new_york, BERLIN) == 6
    assert hours_ahead(datetime(2026, 10, 28, tzinfo=UTC), new_york, BERLIN) == 5
    assert hours_ahead(datetime(2026, 11, 22, tzinfo=UTC), BERLIN, ZoneInfo("Asia/Kolkata")) == 4.5
