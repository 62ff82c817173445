"""Which rules of the world's time zones this process goes by: the newer of the system's and those Carillon brings."""

import zoneinfo
from functools import cache
from pathlib import Path

import tzdata  # type: ignore[import-untyped] # it carries no types

_KNOWN_EVERYWHERE = "Europe/Berlin"  # whoever has this zone's file has them all


@cache
def use_newest() -> str:
    """Read zones from the newer of both sources from now on; its version by IANA's count, such as `2026f`.

    Without this Python would take the system's, however old they are. A process asks once: zones that were read stay
    as they are until it ends. Versions sort by age.
    """
    ours, theirs = str(tzdata.IANA_VERSION), _version_of_system()
    if ours >= theirs:
        zoneinfo.reset_tzpath(())  # nothing on the path: the package is asked
        zoneinfo.ZoneInfo.clear_cache()
    return max(ours, theirs)


def _version_of_system() -> str:
    """The version of the rules that Python finds on its path; empty when there are none, or they do not say."""
    for folder in map(Path, zoneinfo.TZPATH):
        if (folder / _KNOWN_EVERYWHERE).is_file():
            return _first_word_like_a_version(folder / "tzdata.zi") or _first_word_like_a_version(folder / "+VERSION")
    return ""


def _first_word_like_a_version(file: Path) -> str:
    """`2025b` out of a first line `# version 2025b`, or one that holds nothing else."""
    try:
        with file.open(encoding="ascii", errors="replace") as lines:
            words = lines.readline().split()
    except OSError:
        return ""
    found = words[-1] if words else ""
    return found if found[:4].isdigit() and found[4:].isalpha() else ""


@cache
def names() -> frozenset[str]:
    """Every zone there is, by its IANA name; asked once, because Python looks through a whole tree of files."""
    use_newest()
    return frozenset(zoneinfo.available_timezones())
