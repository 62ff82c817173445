"""When a database is not the one it was."""

import pytest

from app.domain.fences import FenceReason, Sighting, reason_to_fence

OWN = Sighting("a", 100, 7, "x")


@pytest.mark.parametrize(
    ("seen", "reason"),
    [
        (None, None),
        (OWN, None),
        (Sighting("a", 100, 6, "w"), None),  # one that has seen less
        (Sighting("a", 100, 8, "y"), FenceReason.ROLLED_BACK),
        (Sighting("a", 100, 7, "z"), FenceReason.ROLLED_BACK),  # the same step, taken by another one
        (Sighting("a", 99, 900, "y"), None),  # from before it was confirmed
        (Sighting("a", 101, 0, "y"), FenceReason.ROLLED_BACK),
        (Sighting("b", 101, 900, "y"), None),  # of another installation
    ],
)
def test_whoever_has_seen_a_later_state_says_so(seen: Sighting | None, reason: FenceReason | None) -> None:
    assert reason_to_fence(OWN, place_then="p", place_now="p", seen=[None, seen]) == reason


def test_a_database_that_lies_elsewhere_is_a_copy() -> None:
    assert reason_to_fence(OWN, place_then="p", place_now="q", seen=[OWN]) is FenceReason.COPIED
