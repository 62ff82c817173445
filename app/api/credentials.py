"""Credentials: where a request shows project, key, session and token (3.1), and how an answer hands a session out."""

import base64
import json
import re
from datetime import datetime
from urllib.parse import urlsplit

from flask import Request, Response, after_this_request, request

from app.api.params import read_json
from app.domain.ids import is_custom_id
from app.services.programs.callers import Shown

LONGEST_VALUE = 2_048
COOKIE, LEGACY = "a_session_", "_legacy"
FALLBACK = "X-Fallback-Cookies"
_IN_SESSION = frozenset({"HTTP_COOKIE", "HTTP_X_APPWRITE_SESSION", "HTTP_X_FALLBACK_COOKIES"})  # where one can be
_SECRET = re.compile(r"[0-9a-f]{16,512}")


def read_credentials(asked: Request) -> Shown:
    """Everything that the request shows; a session that cannot be read is none."""
    project, shown = project_id(asked), asked.environ.get
    contact_id, secret = _read_session(asked, project)
    return Shown(project, shown("HTTP_X_APPWRITE_KEY", ""), contact_id, secret, shown("HTTP_X_APPWRITE_JWT", ""))


def project_id(asked: Request) -> str:
    """The project that the request names, in its header or in its address."""
    named = asked.environ.get("HTTP_X_APPWRITE_PROJECT", "") or asked.args.get("project", "")
    if named.isascii() and named.isprintable():
        return named
    return named.replace("\0", "").encode("utf-8", "replace").decode()


def _read_session(asked: Request, project: str) -> tuple[str, str]:
    """Contact and secret of the first place that holds a session: cookies, header, then what a browser kept itself."""
    if _IN_SESSION.isdisjoint(asked.environ):
        return "", ""
    names = (COOKIE + project, COOKIE + project + LEGACY)
    values = [asked.cookies.get(name, "") for name in names]
    values.append(asked.headers.get("X-Appwrite-Session", ""))
    if FALLBACK in asked.headers:
        kept = read_json(asked.headers[FALLBACK][: 4 * LONGEST_VALUE].encode("utf-8", "replace"))
        values += [value for name in names if isinstance(value := kept.get(name), str)]
    for value in filter(None, values):
        found = decode(value)
        if found != ("", ""):
            return found
    return "", ""


def encode(contact_id: str, secret: str) -> str:
    """A session as cookies and headers carry it: base64 over a JSON object."""
    return base64.b64encode(json.dumps({"id": contact_id, "secret": secret}).encode()).decode()


def decode(value: str) -> tuple[str, str]:
    """Contact and secret from what `encode` made; both empty for anything else."""
    try:
        found = json.loads(base64.b64decode(value[:LONGEST_VALUE] + "=="))
        contact_id, secret = found["id"], found["secret"]
        is_fine = is_custom_id(contact_id) and _SECRET.fullmatch(secret) is not None
    except (ValueError, TypeError, KeyError, RecursionError):
        return "", ""
    return (contact_id, secret) if is_fine else ("", "")


def hand_out(address: str, contact_id: str, secret: str, expires_at: datetime) -> None:
    """Let this request's answer carry the session: two cookies, and a header for browsers that keep no such cookies."""
    _put(address, encode(contact_id, secret), expires_at)


def take_back(address: str) -> None:
    """Let this request's answer take the session away again."""
    _put(address, "", None)


def _put(address: str, value: str, expires_at: datetime | None) -> None:
    name, is_https = COOKIE + project_id(request), address.startswith("https://")
    is_known = host_of(request.headers.get("Origin", "")) == host_of(request.host_url)

    @after_this_request
    def _finish(answer: Response) -> Response:
        if answer.status_code >= 400:
            return answer
        for cookie in (name, name + LEGACY):
            expires = expires_at if expires_at is not None else 0
            answer.set_cookie(cookie, value, expires=expires, secure=is_https, httponly=True, samesite="Lax")
        if not is_known:  # a page of another host gets no cookie of ours: its SDK keeps the session itself
            answer.headers[FALLBACK] = json.dumps({name: value} if value else {})
        return answer


def host_of(address: str) -> str:
    """The host of an Origin or another address; empty when there is none."""
    try:
        return urlsplit(address).hostname or ""
    except ValueError:  # brackets that hold no IPv6 address
        return ""
