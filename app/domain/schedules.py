"""When a scheduled message goes out: what a time on the wall means, and how late it may start."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

# How late a message may start, at the choice of people; later it waits for a person.
LATENESSES = tuple(
    timedelta(minutes=minutes) for minutes in (5, 15, 60, 4 * 60, 12 * 60, 24 * 60, 3 * 24 * 60, 7 * 24 * 60)
)
USUAL_LATENESS = timedelta(hours=1)


def moment_of(wall: datetime, zone: ZoneInfo) -> datetime:
    """The moment in UTC that a clock on a wall in that zone shows as `wall` (naive).

    Where clocks go back and show it twice, the first time is meant. Where they go forward over it, it is counted with
    the offset that was in force before, so it comes as much later as the clocks went forward (RFC 5545, 3.3.5).
    """
    return wall.replace(tzinfo=zone, fold=0).astimezone(UTC)


def is_skipped(wall: datetime, zone: ZoneInfo) -> bool:
    """Whether clocks in that zone go forward over that time, so that no clock ever shows it."""
    return moment_of(wall, zone).astimezone(zone).replace(tzinfo=None, fold=0) != wall.replace(fold=0)


def is_shown_twice(wall: datetime, zone: ZoneInfo) -> bool:
    """Whether clocks in that zone go back over that time, so that they show it twice."""
    first, second = (wall.replace(tzinfo=zone, fold=fold).utcoffset() for fold in (0, 1))
    return first != second and not is_skipped(wall.replace(tzinfo=None), zone)
