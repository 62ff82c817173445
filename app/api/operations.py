"""Operations: what the API can do, as data. Routes, checks and (later) the OpenAPI document are made from it."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypedDict, Unpack

from app.api.limits import Limit
from app.api.params import Param, snake
from app.domain.permissions import Actor

PUBLIC = "public"  # the scope of what needs no key
_PLACE = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class Call:
    """One request after its checks: what was given, by our names, and who asks.

    `scopes` are all that the caller holds. `address` is where this installation is reached, without a path.
    `session_pk` is the session of a contact that is signed in; `is_by_token`: a signed token stands for it.
    """

    actor: Actor
    scopes: frozenset[str]
    given: Mapping[str, Any]
    provided: frozenset[str] = frozenset()
    address: str = ""
    session_pk: int | None = None
    is_by_token: bool = False

    def __getattr__(self, name: str) -> Any:
        """The value of a parameter: what was given, else its default."""
        try:
            return self.given[name]
        except KeyError:
            raise AttributeError(name) from None

    def has(self, name: str) -> bool:
        """Whether the parameter was given, and not as null."""
        return name in self.provided


View = Callable[[Any, Call], Any]  # the first is a Work, or the Workshop when the operation opens its own works


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one path. Its view runs inside one work: committed when it returns, undone when it raises.

    `path` has its places in braces, by wire name; `scope` is what a key must hold; a view that returns None answers
    204. `fields` says what the service calls a parameter in its errors, when it has another name for it. `model` is
    the name of the schema its answer has (`api/models.py`); empty for bytes and for nothing. `limit` says how often
    those without a key may ask. The answer of one that `is_secret` is never kept (Idempotency-Key).

    The view of one that `opens_own` works gets the workshop in place of a work: it moves bytes between client and file
    store, or checks a password, during which no transaction may be open (SQLite has one writer). Each of its short
    works is a whole of its own, so the view itself sees to it that what fails leaves nothing behind.

    One that `shares_commit` (`Workshop.share`) takes a few statements, asks nobody but the database, and comes by the
    thousand.
    """

    method: str
    path: str
    scope: str
    view: View
    status: int = 200
    params: tuple[Param, ...] = ()
    fields: Mapping[str, str] = field(default_factory=dict)
    summary: str = ""
    model: str = ""
    limit: Limit | None = None
    is_secret: bool = False
    opens_own: bool = False
    shares_commit: bool = False

    @property
    def name(self) -> str:
        """Unique among all operations: method and path."""
        return f"{self.method} {self.path}".replace(".", "_")

    @property
    def rule(self) -> str:
        """The path as Flask's router writes it."""
        return _PLACE.sub(lambda found: f"<{snake(found.group(1))}>", self.path)

    @property
    def places(self) -> tuple[str, ...]:
        """The parameters of the path, by wire name."""
        return tuple(_PLACE.findall(self.path))

    @property
    def is_reading(self) -> bool:
        """Whether it changes nothing."""
        return self.method == "GET"


class Options(TypedDict, total=False):
    """What an operation may declare besides; each is a field of Operation."""

    status: int
    fields: Mapping[str, str]
    model: str
    limit: Limit | None
    is_secret: bool
    opens_own: bool
    shares_commit: bool


OPERATIONS: dict[str, Operation] = {}
# What SDKs can ask for and we refuse, with a sentence that says what there is instead: in no document.
REFUSED: dict[str, Operation] = {}


def operation(
    method: str,
    path: str,
    scope: str,
    *params: Param,
    **options: Unpack[Options],
) -> Callable[[View], View]:
    """Offer a view under that method and path (below /v1), to callers with that scope; see Operation."""

    def offer(view: View) -> View:
        summary = (view.__doc__ or "").strip().partition("\n")[0]
        if method == "DELETE":
            options["status"] = 204
        add(Operation(method, path, scope, view, params=params, summary=summary, **options))
        return view

    return offer


def add(made: Operation) -> None:
    """Offer an operation that was made elsewhere; the same one again changes nothing."""
    OPERATIONS[made.name] = made


def refuse(method: str, path: str, scope: str, view: View) -> None:
    """Answer that method and path by a view that raises, after the checks of any other operation."""
    made = Operation(method, path, scope, view)
    REFUSED[made.name] = made
