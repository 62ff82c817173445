"""The time of day of a whole tree, to be set while it runs."""

from pathlib import Path

from tests import needs


class WallClock:
    """The time of day as a tree sees it, by Debian's libfaketime; the monotonic clock stays what it is."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._off = 0
        self.environment = {
            "LD_PRELOAD": needs.find_libfaketime() or "",
            "FAKETIME_TIMESTAMP_FILE": str(file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "PYTHONPATH": str(Path(__file__).parent / "faked_time"),
        }
        self.set_off(0)

    def set_off(self, seconds: int) -> None:
        """So far from the true time, at once and for every process."""
        self._off = seconds
        new = self._file.with_suffix(".new")
        new.write_text(f"{seconds:+d}")
        new.replace(self._file)

    def move(self, seconds: int) -> None:
        """Set it so far forward, or back."""
        self.set_off(self._off + seconds)
