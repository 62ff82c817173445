"""How a process reads its code: what is heavy and seldom needed when it is first asked for, the rest quickly."""

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

# What libraries take along where it happens to be installed, and none of our processes shows: structlog and httpx draw
# tracebacks and a command line with these. They cost a tenth of a start and 5 MiB.
UNUSED = ("rich", "pygments")


class _Later:
    """A library's module that is imported by the first question for a name of it. Safe to share between threads."""

    def __init__(self, name: str) -> None:
        self.__dict__["_name"] = name

    def __getattr__(self, name: str) -> Any:
        found = getattr(import_module(self._name), name)
        self.__dict__[name] = found  # the next time it is found without coming here
        return found


def later(name: str) -> Any:
    """The library's module of that name, imported when something of it is first used.

    For libraries that most processes never need. It stands behind `if TYPE_CHECKING`, so that types stay known:

        if TYPE_CHECKING:
            import obstore
        else:
            obstore = later("obstore")

    A library that is not there is told by its first use (ModuleNotFoundError); replace nothing in it for a test.
    """
    return _Later(name)


@contextmanager
def loading(*without: str) -> Iterator[None]:
    """Read the code of a process that stays.

    Nothing that code makes is ever rubbish, and to look for some takes a fifth of the time, so that is left out now
    and, for what was read, for good (`gc.freeze`). `without` are further libraries that shall not be found.
    """
    for name in (*UNUSED, *without):
        sys.modules.setdefault(name, None)  # type: ignore[arg-type] # how `import` is told that there is none
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
