"""What a request must be before it is read: numbers that fit, no NUL in its address, small from strangers."""

from typing import Any

from flask import Flask, abort, request, session
from werkzeug.routing import IntegerConverter, Map

LARGEST_NUMBER = 2**63 - 1  # what a row's number can be
WAS_HERE = "was_here"  # in the cookie of a browser that signed out: a page still open there may hold a long draft
LARGEST_FROM_STRANGERS = 64 * 1024  # bytes: an email, a name and a password with room to spare


class _RowNumber(IntegerConverter):
    """A number in an address; one that no row can have leads nowhere."""

    def __init__(self, routes: Map, **options: Any) -> None:
        super().__init__(routes, max=LARGEST_NUMBER, **options)


def install(app: Flask) -> None:
    """Put it before everything else; call this first, because the check of a form's token reads the form."""
    app.url_map.converters["int"] = _RowNumber
    app.before_request(_look)


def is_known() -> bool:
    """Whether somebody signed in with this browser, now or before; its cookie is signed, so no stranger says so."""
    return "_user_id" in session or WAS_HERE in session


def _look() -> None:
    if "\0" in request.path:
        abort(404)
    is_of_api = request.path.startswith("/v1/")  # programs show a key there, not a cookie
    if request.method == "POST" and not is_of_api and not is_known():
        request.max_content_length = LARGEST_FROM_STRANGERS
