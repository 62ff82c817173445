"""The API's application: Flask without what only pages need, and with a router for paths of words and ids."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from flask import Flask, Request
from flask.sessions import NullSession, SessionInterface
from werkzeug.exceptions import NotFound
from werkzeug.routing import MapAdapter, Rule

from app.api.requests import ApiRequest
from app.infra import logs
from app.url_rules import LateRule

BASE = "/v1"  # what every path of the API begins with


@dataclass(slots=True)
class _Fork:
    """What may follow at one place of a path: words that are known, or the value of a place."""

    words: dict[str, "_Fork"] = field(default_factory=dict)
    value: "_Fork | None" = None
    rules: dict[str, tuple[Rule, tuple[str, ...]]] = field(default_factory=dict)  # by method, with names of the values


class Router:
    """Finds the rule of a request. A word goes before a value, as werkzeug's own router has it, which costs ten times.

    It knows rules of whole segments: words, and places of text.
    """

    def __init__(self) -> None:
        self._root = _Fork()

    def add(self, rule: Rule) -> None:
        """Know this rule too; ValueError for one that is more than words and places of text."""
        here, names = self._root, []
        for segment in _segments(rule.rule):
            if "<" not in segment:
                here = here.words.setdefault(segment, _Fork())
                continue
            name = segment.removeprefix("<").removesuffix(">")
            if f"<{name}>" != segment or not name.isidentifier():
                raise ValueError(f"The router does not know how to read {rule.rule}.")
            names.append(name)
            here.value = here.value or _Fork()
            here = here.value
        for method in rule.methods or ():
            here.rules[method] = (rule, tuple(names))

    def find(self, path: str, method: str) -> tuple[Rule, dict[str, str]]:
        """The rule and the values of its places; NotFound when there is none, whatever other methods there are."""
        values: list[str] = []
        found = _follow(self._root, _segments(path), method, values)
        if found is None:
            raise NotFound
        rule, names = found
        return rule, dict(zip(names, values, strict=True))


def _segments(path: str) -> list[str]:
    return path.removeprefix("/").split("/") if path != "/" else []


def _follow(here: _Fork, ahead: list[str], method: str, values: list[str]) -> tuple[Rule, tuple[str, ...]] | None:
    if not ahead:
        return here.rules.get(method)
    segment, rest = ahead[0], ahead[1:]
    word = here.words.get(segment)
    found = _follow(word, rest, method, values) if word is not None else None
    if found is not None or here.value is None or not segment:
        return found
    values.append(segment)
    found = _follow(here.value, rest, method, values)
    if found is None:
        values.pop()
    return found


class _Bound:
    """A router with the request it is asked for, as Flask wants it."""

    __slots__ = ("_request", "_router")

    def __init__(self, router: Router, request: Request) -> None:
        self._router = router
        self._request = request

    def match(self, *, return_rule: bool) -> tuple[Rule, dict[str, str]]:  # noqa: ARG002 - Flask always wants the rule
        """The rule and its values, and the route on every line of the log from now on; NotFound."""
        rule, _ = found = self._router.find(self._request.path, self._request.method)
        logs.add_context(route=BASE + rule.rule)
        return found


class _NoSession(SessionInterface):
    """The API keeps nothing in a cookie of Flask's."""

    def open_session(self, app: Flask, request: Request) -> NullSession:  # noqa: ARG002 - the same for every request
        """Nobody writes into it."""
        return _NOTHING

    def is_null_session(self, obj: object) -> bool:  # noqa: ARG002
        """Always."""
        return True


_NOTHING = NullSession()


class Api(Flask):
    """Flask for the API's operations: its own router, no session, no coroutines."""

    request_class = ApiRequest
    session_interface = _NoSession()
    url_rule_class = LateRule

    def __init__(self, name: str) -> None:
        super().__init__(name, static_folder=None)
        self.router = Router()

    def add_url_rule(self, rule: str, endpoint: str | None = None, *args: Any, **options: Any) -> None:
        """As Flask does; the router learns it too."""
        super().add_url_rule(rule, endpoint, *args, **options)
        for made in self.url_map.iter_rules(endpoint):
            self.router.add(made)

    def create_url_adapter(self, request: Request | None) -> MapAdapter | None:
        """The router for this request."""
        if request is None:
            return super().create_url_adapter(None)
        return _Bound(self.router, request)  # type: ignore[return-value] # with the one method that Flask calls

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """As it is: no view here is a coroutine."""
        return func
