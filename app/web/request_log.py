"""An id for every request and, where logs are read by programs, a line when it was answered.

The line names the route, not the path: a path may hold a token that opens a door.
"""

import re
from collections.abc import Iterable
from http import HTTPStatus
from secrets import token_bytes
from typing import Any

import structlog
from flask import Flask, Response, g, request

from app.infra import logs
from app.infra.clock import monotonic

HEADER = "X-Request-Id"
HOOK = "/hooks/<kind>/<provider_id>/<token>"
QUIET = ("/static/", "/healthz", "/readyz", "/metrics")  # asked every few seconds: no line while all is well
_THEIRS = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,35}")  # what a proxy or program may name a request; a UUID fits

log = structlog.get_logger(logs.REQUESTS)


class RequestLog:
    """The outermost WSGI application: names the request, and says afterwards how it was answered."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answer one request, with its id in `X-Request-Id`: the one it came with when that can be one."""
        theirs = environ.get("HTTP_X_REQUEST_ID", "")
        name = theirs if _THEIRS.fullmatch(theirs) else token_bytes(8).hex()
        logs.begin_context(request=name)
        said = str(HTTPStatus.INTERNAL_SERVER_ERROR.value)

        def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            nonlocal said
            said = status
            return start_response(status, [*headers, (HEADER, name)], exc_info)

        if not logs.are_told(logs.REQUESTS):
            return self.inner(environ, start)  # type: ignore[no-any-return]
        began = monotonic()
        try:
            return self.inner(environ, start)  # type: ignore[no-any-return]
        finally:
            _tell(environ, int(said[:3]), monotonic() - began)


def _tell(environ: dict[str, Any], status: int, seconds: float) -> None:
    path = environ.get("PATH_INFO", "")
    if status < HTTPStatus.BAD_REQUEST and path.startswith(QUIET):
        return
    if path.startswith("/hooks/"):
        logs.add_context(route=HOOK)
    log.info(
        "A request is answered", method=environ.get("REQUEST_METHOD", ""), status=status, ms=round(seconds * 1000, 1)
    )


def install(app: Flask) -> None:
    """Put it around everything that answers HTTP; call it last. The API's own router says its routes."""
    app.before_request(_say_route)
    app.after_request(_say_actor)
    app.wsgi_app = RequestLog(app.wsgi_app)  # type: ignore[method-assign]


def _say_route() -> None:
    if request.url_rule is not None:
        logs.add_context(route=request.url_rule.rule)


def _say_actor(answer: Response) -> Response:
    """Who asked a page, and of which project; the API says it itself when it knows."""
    project, actor = g.get("project"), g.get("actor")
    if project is not None and actor is not None:
        logs.add_context(project=project.id, actor=actor.kind.value)
    return answer
