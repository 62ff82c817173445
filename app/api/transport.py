"""What surrounds every answer of the API: which addresses are its own, how long a body may be, CORS, headers."""

import io
import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

from flask import Flask, Response, request
from werkzeug.exceptions import RequestEntityTooLarge

from app.api.answers import JsonAnswer, add_usual
from app.api.credentials import host_of
from app.api.routing import BASE
from app.domain.errors import AppError
from app.services.work import Workshop

LOOPBACK = frozenset({"localhost", "127.0.0.1", "[::1]", "::1"})
_PICTURE = re.compile(r".*/storage/buckets/[^/]+/files/[^/]+/push")
_ALLOWED = (
    "Origin", "Authorization", "Cookie", "Set-Cookie", "X-Requested-With", "Content-Type",
    "Access-Control-Allow-Origin", "Access-Control-Request-Headers", "Accept", "X-Appwrite-Project", "X-Appwrite-Key",
    "X-Appwrite-JWT", "X-Appwrite-Session", "X-Appwrite-Locale", "X-Appwrite-Mode", "X-Appwrite-Response-Format",
    "X-Appwrite-Timestamp", "X-Appwrite-Dev-Key", "X-Appwrite-ID", "X-Appwrite-Organization",
    "X-SDK-Version", "X-SDK-Name", "X-SDK-Language", "X-SDK-Platform", "X-SDK-GraphQL", "X-SDK-Profile",
    "X-Fallback-Cookies", "X-Forwarded-User-Agent", "Content-Range", "Range", "Cache-Control", "Expires", "Pragma",
    "If-None-Match", "Idempotency-Key", "X-Request-Id",
)  # fmt: skip
EXPOSED_HEADERS = (
    "X-Appwrite-Session, X-Fallback-Cookies, X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset, Retry-After, "
    "Accept-Ranges, Content-Range, Content-Disposition, ETag, Idempotency-Replayed, "
    "X-Request-Id"
)


class Mount:
    """A WSGI application that hands what lies under /v1 to the API and everything else to the pages.

    Empty segments of a path do not count, so a slash too many is no reason for a 404.
    """

    def __init__(self, pages: Any, api: Flask) -> None:
        self.pages = pages
        self.api = api
        self.most = int(api.config["MAX_CONTENT_LENGTH"])

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answer one request."""
        segments = [segment for segment in environ.get("PATH_INFO", "").split("/") if segment]
        if not segments or f"/{segments[0]}" != BASE:
            return self.pages(environ, start_response)  # type: ignore[no-any-return]
        inner = environ | {
            "SCRIPT_NAME": environ.get("SCRIPT_NAME", "") + BASE, "PATH_INFO": "/" + "/".join(segments[1:]),
        }  # fmt: skip
        if "CONTENT_LENGTH" not in environ and environ.get("wsgi.input_terminated"):
            inner["wsgi.input"] = BoundedBody(environ["wsgi.input"], self.most)
        return self.api(inner, start_response)


class BoundedBody(io.RawIOBase):
    """A body that comes in chunks and does not say its length: 413 when it is too long.

    Werkzeug cuts such a body off at its limit without a word, and what is left might well be read as a whole one.
    """

    def __init__(self, stream: Any, most: int) -> None:
        self._stream = stream
        self._left = most

    def readable(self) -> bool:
        """It is there to be read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill the buffer with what comes next; 0 at the end."""
        piece = self._stream.read(min(len(buffer), self._left))
        self._left -= len(piece)
        if not self._left and self._stream.read(1):
            raise RequestEntityTooLarge
        buffer[: len(piece)] = piece
        return len(piece)


class UnknownOrigin(AppError):
    """A browser shows a page of a host that this installation does not know."""

    type = "general_unknown_origin"
    status = 403


def surround(api: Flask, shop: Workshop) -> None:
    """Put the check of the origin before every answer, and the headers around it."""
    own_host = urlsplit(shop.settings.address).hostname or ""

    def trusts(origin: str) -> bool:
        host = host_of(origin)
        return bool(host) and host in LOOPBACK | {own_host, host_of(request.host_url)}

    @api.before_request
    def _check_origin() -> Response | None:
        environ = request.environ
        origin = environ.get("HTTP_ORIGIN", "")
        if environ["REQUEST_METHOD"] == "OPTIONS":
            return Response(status=204, mimetype="text/plain")
        if origin and not environ.get("HTTP_X_APPWRITE_KEY") and not trusts(origin) and not _is_picture(origin):
            raise UnknownOrigin(
                f"Origin {origin[:200]} is not known here. Call from {own_host or 'this host'}, or with an API key "
                "from a server."
            )
        return None

    @api.after_request
    def _add_headers(answer: Response) -> Response:
        if not isinstance(answer, JsonAnswer):
            add_usual(answer)
        origin = request.environ.get("HTTP_ORIGIN", "")
        if origin and trusts(origin):
            _let_read(answer, origin)
        return answer


def _is_picture(origin: str) -> bool:
    """Whether a sandboxed frame, which has no origin, asks for a picture by its signed link.

    Browsers say so even for a plain image. The link proves itself, and no header lets a script read the answer.
    """
    return origin == "null" and request.method == "GET" and _PICTURE.fullmatch(request.path) is not None


def _let_read(answer: Response, origin: str) -> None:
    """The browser may show this answer to the page, and send its credentials along."""
    answer.headers["Access-Control-Allow-Origin"] = origin
    answer.headers["Access-Control-Allow-Credentials"] = "true"
    answer.headers["Access-Control-Expose-Headers"] = EXPOSED_HEADERS
    if request.method == "OPTIONS":
        answer.headers["Access-Control-Allow-Methods"] = "GET, POST, PUT, PATCH, DELETE"
        answer.headers["Access-Control-Allow-Headers"] = ", ".join(_ALLOWED)
        answer.headers["Access-Control-Max-Age"] = "86400"
