"""How tests are shared out: the tables name what is there, and a room that sums up is not torn apart."""

import pytest

from tests.architecture.source import ROOT
from tests.sharing_out import LONG, WHOLE_ROOMS


@pytest.mark.parametrize("name", [*LONG, *WHOLE_ROOMS])
def test_what_is_named_is_there(name: str) -> None:
    assert (ROOT / name).exists()


def test_a_room_whose_tests_sum_up_stays_whole() -> None:
    mark = "@pytest.mark.needs_all_of("
    summing = [path for path in (ROOT / "tests").glob("*/test_*.py") if path.read_text().find(f"\n{mark}") >= 0]
    assert summing
    assert {str(path.parent.relative_to(ROOT)) for path in summing} <= set(WHOLE_ROOMS)
