"""Answers for browsers with and without htmx: page or fragment, form drawn again, redirect, toast."""

import json
from typing import Any

from flask import Response, flash, make_response, redirect, render_template
from htmx_flask import request

TONES = frozenset({"good", "warning", "bad", "neutral"})


def wants_fragment() -> bool:
    """Whether htmx asks for a piece of the page (not for a whole page by boost or history)."""
    return bool(request.htmx) and not request.htmx.boosted and not request.htmx.history_restore_request


def render(page: str, fragment: str = "", status: int = 200, **context: Any) -> Response:
    """The page, or its fragment for htmx; `Vary` keeps caches and the Back button from mixing them up."""
    is_piece = bool(fragment) and wants_fragment()
    response = make_response(render_template(fragment if is_piece else page, **context), status)
    response.vary.add("HX-Request")
    if is_piece:
        response.headers["Cache-Control"] = "no-store"
    return response


def render_fragment(fragment: str, **context: Any) -> Response:
    """A fragment that has a route of its own (`/-/`); never stored."""
    response = make_response(render_template(fragment, **context))
    response.headers["Cache-Control"] = "no-store"
    response.vary.add("HX-Request")
    return response


def redraw(page: str, fragment: str = "", **context: Any) -> Response:
    """The form drawn again with its errors: 422, which app.js lets htmx swap."""
    return render(page, fragment, status=422, **context)


def go(url: str) -> Response:
    """Lead the browser to another page after a form: 303, or HX-Redirect under htmx."""
    if request.htmx and not request.htmx.boosted:
        response = make_response("", 204)
        response.headers["HX-Redirect"] = url
        return response
    return make_response(redirect(url, 303))


def toast(text: str, tone: str = "good", response: Response | None = None) -> None:
    """Say something in the corner: on the given htmx answer at once, otherwise on the next full page.

    `tone` is good, warning, bad or neutral.
    """
    if tone not in TONES:
        raise ValueError(tone)
    if response is not None and wants_fragment():
        add_trigger(response, "toast", {"text": text, "tone": tone})
    else:
        flash(text, tone)


def add_trigger(response: Response, event: str, detail: Any = None) -> None:
    """Add a client event to the answer (HX-Trigger), beside those that are there already."""
    events = json.loads(response.headers.get("HX-Trigger", "{}"))
    events[event] = detail
    response.headers["HX-Trigger"] = json.dumps(events)
