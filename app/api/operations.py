"""Operations: what the API can do, as data. Routes, checks and (later) the OpenAPI document are made from it."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from app.api.params import Param, snake
from app.domain.permissions import Actor
from app.services.work import Work

PUBLIC = "public"  # the scope of what needs no key
_PLACE = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class Call:
    """One request after its checks: what was given, by our names, and who asks.

    `scopes` are all that the key holds. `address` is where this installation is reached, without a path.
    """

    actor: Actor
    scopes: frozenset[str]
    given: Mapping[str, Any]
    provided: frozenset[str] = frozenset()
    address: str = ""

    def __getattr__(self, name: str) -> Any:
        """The value of a parameter: what was given, else its default."""
        try:
            return self.given[name]
        except KeyError:
            raise AttributeError(name) from None

    def has(self, name: str) -> bool:
        """Whether the parameter was given, and not as null."""
        return name in self.provided


View = Callable[[Work, Call], Any]


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one path. Its view runs inside one work: committed when it returns, undone when it raises.

    `path` has its places in braces, by wire name; `scope` is what a key must hold; a view that returns None answers
    204. `fields` says what the service calls a parameter in its errors, when it has another name for it. `model` is
    the name of the schema its answer has (`api/models.py`); empty for bytes and for nothing.
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


OPERATIONS: dict[str, Operation] = {}


def operation(
    method: str,
    path: str,
    scope: str,
    *params: Param,
    status: int = 200,
    fields: Mapping[str, str] | None = None,
    model: str = "",
) -> Callable[[View], View]:
    """Offer a view under that method and path (below /v1), to keys with that scope."""

    def offer(view: View) -> View:
        summary = (view.__doc__ or "").strip().partition("\n")[0]
        answers = 204 if method == "DELETE" else status
        add(Operation(method, path, scope, view, answers, params, fields or {}, summary, model))
        return view

    return offer


def add(made: Operation) -> None:
    """Offer an operation that was made elsewhere; the same one again changes nothing."""
    OPERATIONS[made.name] = made
