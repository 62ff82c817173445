"""Parameters: declared once, read from query, JSON or form, judged in the order of their declaration."""

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl

from flask import Request

from app.domain.errors import Invalid

_HUMP = re.compile(r"_([a-z])")
_UPPER = re.compile(r"(?<=[a-z0-9])([A-Z])")
_BRACKET = re.compile(r"\[([^\[\]]*)\]")
DEEPEST = 4  # brackets in the name of a form field
MOST_FIELDS = 10_000


@lru_cache(maxsize=1024)
def camel(name: str) -> str:
    """Our name as the wire writes it: `provider_id` is `providerId`."""
    return _HUMP.sub(lambda found: found.group(1).upper(), name)


def snake(name: str) -> str:
    """The wire's name as we write it: `providerId` is `provider_id`."""
    return _UPPER.sub(r"_\1", name).lower()


class Refused(ValueError):
    """A value that cannot be; the sentence says what would be right."""


@dataclass(frozen=True, slots=True)
class Kind:
    """What a parameter may be: `read` gives the value or raises Refused; `schema` says the same in JSON Schema."""

    read: Callable[[Any], Any]
    schema: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Param:
    """One parameter of an operation, by our name; null counts as not given unless it is `required`."""

    name: str
    kind: Kind
    default: Any = None
    required: bool = False
    wire: str = ""

    @property
    def wire_name(self) -> str:
        """The name in requests and errors."""
        return self.wire or camel(self.name)


def read_all(params: Iterable[Param], raw: Mapping[str, Any]) -> tuple[dict[str, Any], frozenset[str]]:
    """Every value by our name, and the names that were given. Invalid for the first that is missing or cannot be."""
    values: dict[str, Any] = {}
    provided: set[str] = set()
    for param in params:
        wire = param.wire_name
        if wire not in raw and param.required:
            raise Invalid({wire: [f'Param "{wire}" is not optional.']})
        given = raw.get(wire)
        if given is None and not param.required:
            values[param.name] = param.default
            continue
        try:
            values[param.name] = param.kind.read(given)
        except Refused as error:
            raise Invalid({wire: [f"Invalid `{wire}` param: {error}"]}) from None
        provided.add(param.name)
    return values, frozenset(provided)


def raw_parameters(request: Request) -> dict[str, Any]:
    """The parameters as they came: the query of a GET, else the body; a body that cannot be read has none."""
    if request.method in {"GET", "HEAD"}:
        if not request.environ.get("QUERY_STRING"):
            return {}
        return unfold(request.args.items(multi=True))
    if request.mimetype == "application/json":
        return read_json(request.get_data())
    if request.mimetype == "application/x-www-form-urlencoded":
        return unfold(_read_form(request.get_data()))
    return unfold(request.form.items(multi=True))


def _read_form(body: bytes) -> list[tuple[str, str]]:
    """The first fields of a form: a body of millions, read as a whole, would hold up everybody for seconds."""
    few = b"&".join(body.split(b"&", MOST_FIELDS)[:MOST_FIELDS])
    return parse_qsl(few.decode(errors="replace"), keep_blank_values=True, errors="replace")


def read_json(body: bytes) -> dict[str, Any]:
    """A JSON object; empty for anything else, as the reference has it."""
    try:
        found = json.loads(body, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _refuse_constant(name: str) -> None:
    raise ValueError(name)


def unfold(pairs: Iterable[tuple[str | None, str]]) -> dict[str, Any]:
    """Form fields with PHP's brackets as lists and objects: `queries[0]`, `queries[]`, `data[key]`.

    A field without a name, which a part of a multipart body can be, is left out.
    """
    found: dict[str, Any] = {}
    for count, (name, value) in enumerate(pairs):
        if name is None:
            continue
        head, _, _ = name.partition("[")
        keys = _BRACKET.findall(name)
        if count >= MOST_FIELDS or not head or len(keys) > DEEPEST:
            continue
        _place(found, [head, *keys], value)
    return {key: _straighten(value) for key, value in found.items()}


def _place(tree: dict[str, Any], keys: Sequence[str], value: str) -> None:
    for key in keys[:-1]:
        inner = tree.setdefault(key or str(len(tree)), {})
        if not isinstance(inner, dict):
            return
        tree = inner
    tree[keys[-1] or str(len(tree))] = value


def _straighten(value: Any) -> Any:
    """An object whose keys count from 0 is a list."""
    if not isinstance(value, dict):
        return value
    items = {key: _straighten(inner) for key, inner in value.items()}
    if all(key.isascii() and key.isdigit() and len(key) < 6 for key in items):
        return [items[key] for key in sorted(items, key=int)]
    return items
