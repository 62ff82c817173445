"""Addresses of static files, with their hash, so that browsers may keep them for ever."""

from functools import cache
from hashlib import sha256
from pathlib import Path


class Assets:
    """The static files of one folder."""

    def __init__(self, folder: str) -> None:
        self._folder = Path(folder)
        self.url = cache(self._url)

    def _url(self, name: str) -> str:
        """The address of a static file; FileNotFoundError for one that is not there."""
        digest = sha256((self._folder / name).read_bytes()).hexdigest()[:12]
        return f"/static/{name}?v={digest}"
