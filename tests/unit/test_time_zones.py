"""Which rules of time zones are followed: the newer of the system's and those that come with Carillon."""

import zoneinfo
from collections.abc import Iterator
from pathlib import Path

import pytest
import tzdata

from app.infra import time_zones


@pytest.fixture
def system(tmp_path: Path) -> Iterator[Path]:
    """A folder that Python takes for the system's zones."""
    (tmp_path / "Europe").mkdir()
    (tmp_path / "Europe" / "Berlin").write_bytes(b"TZif")
    before = zoneinfo.TZPATH
    zoneinfo.reset_tzpath([str(tmp_path)])
    time_zones.use_newest.cache_clear()
    yield tmp_path
    zoneinfo.reset_tzpath(before)
    time_zones.use_newest.cache_clear()


def test_older_rules_of_the_system_give_way_to_ours(system: Path) -> None:
    (system / "tzdata.zi").write_text("# version 2019c\n# the rest\n")
    assert time_zones.use_newest() == tzdata.IANA_VERSION
    assert zoneinfo.TZPATH == ()
    assert zoneinfo.ZoneInfo("Europe/Berlin").key == "Europe/Berlin"


def test_newer_rules_of_the_system_are_followed(system: Path) -> None:
    (system / "tzdata.zi").write_text("# version 2999a\n")
    assert time_zones.use_newest() == "2999a"
    assert (str(system),) == zoneinfo.TZPATH


def test_the_version_may_stand_in_a_file_of_its_own(system: Path) -> None:
    (system / "+VERSION").write_text("2999b\n")
    assert time_zones.use_newest() == "2999b"


@pytest.mark.parametrize("text", ["", "# This zic input file is in the public domain.\n", "# redo_posix_only\n"])
def test_a_system_that_does_not_say_its_version_gives_way(system: Path, text: str) -> None:
    (system / "tzdata.zi").write_text(text)
    assert time_zones.use_newest() == tzdata.IANA_VERSION
