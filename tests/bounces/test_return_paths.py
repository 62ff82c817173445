"""Return paths: short enough, signed, good for long enough, and of no use to anybody else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.return_paths import (
    LONGEST_LOCAL,
    VALID_DAYS,
    ReturnPath,
    ReturnPaths,
    check_of,
    is_return_path,
    read_return_path,
)

KEY, OLD_KEY = b"k" * 32, b"o" * 32
TODAY = 20_778
DELIVERY = "4711.6563a1b2c3d4e5f6a7b8"


def made(key: bytes = KEY, delivery: str = DELIVERY, day: int = TODAY) -> str:
    return ReturnPaths(key, 7).of(delivery, day)


def test_a_return_path_names_the_delivery_and_who_carried_it() -> None:
    assert read_return_path(made(), [KEY], TODAY) == ReturnPath(7, 4711, check_of(DELIVERY))


@given(
    st.integers(0, 2**52 - 1), st.integers(1, 2**44 - 1), st.integers(TODAY, 65_535),
    st.text("abcdefghijklmnopqrstuvwxyzABC0123456789._-", min_size=1, max_size=36),
)  # fmt: skip
def test_it_fits_into_a_local_part_and_comes_back_as_it_was(pk: int, provider: int, day: int, message: str) -> None:
    key = f"{pk}.{message}"
    local = ReturnPaths(KEY, provider).of(key, day)
    assert len(local) <= LONGEST_LOCAL == 64
    assert local.isascii()
    assert local == local.lower()
    assert read_return_path(local, [KEY], day) == ReturnPath(provider, pk, check_of(key))


def test_one_that_would_be_too_long_is_not_made() -> None:
    assert ReturnPaths(KEY, 2**62).of(f"{2**63 - 1}.x", TODAY) == ""
    assert ReturnPaths(KEY, 7).of("test-6563a1", TODAY) == "", "a test send is no delivery"


def test_a_server_that_changes_the_case_does_no_harm() -> None:
    assert read_return_path(made().upper(), [KEY], TODAY) is not None


@pytest.mark.parametrize("place", range(len("bounce+"), 45))
def test_no_sign_of_it_can_be_changed(place: int) -> None:
    local = made()
    assert len(local) == 45, "all of it is tried"
    other = "1" if local[place] != "1" else "2"
    assert read_return_path(local[:place] + other + local[place + 1 :], [KEY], TODAY) is None


def test_it_is_good_for_longer_than_servers_try_and_not_for_ever() -> None:
    assert VALID_DAYS > 5
    assert read_return_path(made(), [KEY], TODAY + VALID_DAYS) is not None
    assert read_return_path(made(), [KEY], TODAY + VALID_DAYS + 1) is None
    assert read_return_path(made(), [KEY], TODAY - 1) is not None, "clocks differ"
    assert read_return_path(made(), [KEY], TODAY - 2) is None


def test_one_that_an_older_key_signed_stays_good_and_a_strangers_is_not() -> None:
    assert read_return_path(made(OLD_KEY), [KEY, OLD_KEY], TODAY) is not None
    assert read_return_path(made(b"s" * 32), [KEY, OLD_KEY], TODAY) is None


@pytest.mark.parametrize(
    "local",
    ["", "bounce+", "bounce+1-1-0-000000", "ann", "bounce", made() + "0", "x" + made(), "bounce+g-1-1-" + "0" * 26],
)
def test_what_has_not_the_form_is_not_ours(local: str) -> None:
    assert not is_return_path(local)
    assert read_return_path(local, [KEY], TODAY) is None


def test_the_address_for_complaints_names_the_provider_alone() -> None:
    local = ReturnPaths(KEY, 7).for_complaints()
    assert is_return_path(local)
    assert read_return_path(local, [KEY], TODAY) == ReturnPath(7)
    assert read_return_path(local.replace("+7-", "+8-"), [KEY], TODAY) is None


@given(st.text(max_size=70))
def test_no_local_part_whatsoever_raises(local: str) -> None:
    assert read_return_path(local, [KEY], TODAY) is None
