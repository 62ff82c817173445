"""What somebody typed for a long while is not lost when they were signed out before it was sent.

A view that wears `kept` asks for a sign-in and carries what was sent along, as hidden fields of that page. Nothing is
stored, and nothing is done with it before somebody who is signed in presses the button.
"""

from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import urlsplit

from flask import Response, request

View = TypeVar("View", bound=Callable[..., Any])
Redraw = Callable[..., Response]
PREFIX = "kept-"  # of the fields on the sign-in page, so that none of them is taken for its own
OLD_PAGE = "You signed in again since this page was opened. Nothing is saved yet: look at it, then save."


def kept(redraw: Redraw) -> Callable[[View], View]:
    """This view's form is too dear to be lost.

    `redraw` takes what is wrong and what the address names, and draws the form of this request again, unsaved.
    """

    def mark(view: View) -> View:
        view.redraw = redraw  # type: ignore[attr-defined]
        return view

    return mark


def redraw_of(view: object) -> Redraw | None:
    """How the form that this view takes is drawn again; None when it is not kept."""
    return getattr(view, "redraw", None)


def is_sent_from_here() -> bool:
    """Whether the browser says that one of our own pages sent this request (RFC 6454, section 7).

    Where the form's token proves nothing, nobody else may put words into somebody's draft.
    """
    return urlsplit(request.headers.get("Origin", "")).netloc == request.host


def sent_fields() -> list[tuple[str, str]]:
    """What this request's form holds, with the names that the sign-in page gives it."""
    return [(PREFIX + name, value) for name, value in request.form.items(multi=True) if name != "csrf_token"]


def carried_fields() -> list[tuple[str, str]]:
    """What the sign-in page carried, with the names it has there."""
    return [(name, value) for name, value in request.form.items(multi=True) if name.startswith(PREFIX)]


def unpacked(fields: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """The same with the names that the form gave it."""
    return [(name.removeprefix(PREFIX), value) for name, value in fields]
