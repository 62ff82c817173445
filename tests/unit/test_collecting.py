"""The collector of cycles is put off, and comes back whatever happens."""

import gc

import pytest

from app.infra.collecting import SELDOM, collect_seldom, uncollected


def test_nothing_is_collected_meanwhile_and_again_afterwards() -> None:
    with uncollected():
        assert not gc.isenabled()
    assert gc.isenabled()


def test_it_comes_back_after_an_error() -> None:
    with pytest.raises(ValueError, match="broken"), uncollected():
        raise ValueError("broken")
    assert gc.isenabled()


def test_one_within_another_leaves_it_off_until_the_outer_one_ends() -> None:
    with uncollected():
        with uncollected():
            pass
        assert not gc.isenabled()
    assert gc.isenabled()


def test_a_worker_looks_for_rubbish_seldom_and_still_finds_it() -> None:
    before = gc.get_threshold()
    try:
        collect_seldom()
        looked = gc.get_stats()[0]["collections"]
        for _ in range(2 * SELDOM):
            ring: list[object] = []
            ring.append(ring)
        assert gc.get_stats()[0]["collections"] - looked in (1, 2)
    finally:
        gc.set_threshold(*before)
