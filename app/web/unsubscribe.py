"""The public pages behind an unsubscribe link. Nobody signs in: whoever holds the link may choose for its address.

Looking changes nothing, because mail scanners open every link; leaving takes a POST, which mailbox providers send by
themselves (RFC 8058). No cookie and no form token: the address of the page is the secret, and nothing else is asked.
"""

from typing import Any

from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for
from flask.blueprints import BlueprintSetupState
from werkzeug.exceptions import HTTPException

from app.domain.errors import AppError
from app.domain.unsubscribing import ONE_CLICK, PATH, PREFERENCES, Ticket
from app.services.people import preferences
from app.web import access
from app.web.context import workshop
from app.web.limits import limiter

blueprint = Blueprint("unsubscribe", __name__, url_prefix=f"{PATH}/<token>")

SAID = ("saved", "stopped", "resumed", "undone")  # what the page of choices was led to by
# Generous: a company's scanner opens the links of all its people, and they all click from one address of the network.
_FOR_PEOPLE = limiter.limit("600 per minute")
# A mailbox provider speaks for very many people from few addresses, and for each of them rarely.
_FOR_PROVIDERS = limiter.limit("20 per minute", key_func=lambda: (request.view_args or {}).get("token", "")[:200])


@blueprint.record_once
def _open_to_strangers(state: BlueprintSetupState) -> None:
    """No form token here: it would need a cookie, and protect nothing that the link does not give away itself."""
    state.app.extensions["csrf"].exempt(blueprint)


@blueprint.get("")
@access.public
@_FOR_PEOPLE
def ask(token: str) -> Response:
    """Ask whether to leave, saying what."""
    return _draw("unsubscribe/ask.html", token, _ticket(token))


@blueprint.post("")
@access.public
@_FOR_PROVIDERS
def leave(token: str) -> Response:
    """Leave at once: the button of the page, and the one click of a mail program."""
    ticket = _ticket(token)
    name, value = ONE_CLICK
    if request.form.get(name) != value:
        return _draw("unsubscribe/ask.html", token, ticket, status=400)
    with workshop().open(access.anonymous()) as work:
        left = preferences.leave(work, ticket)
    return _draw("unsubscribe/done.html", token, ticket, left=left)


@blueprint.get(PREFERENCES)
@access.public
@_FOR_PEOPLE
def choices(token: str) -> Response:
    """All that can be chosen."""
    said = request.args.get("said", "")
    return _draw("unsubscribe/preferences.html", token, _ticket(token), said=said if said in SAID else "")


@blueprint.post(PREFERENCES)
@access.public
@_FOR_PEOPLE
def choose(token: str) -> Response:
    """Save the ticks."""
    ticket = _ticket(token)
    with workshop().open(access.anonymous()) as work:
        preferences.choose(work, ticket, _listed("shown"), _listed("topic"))
    return _back(token, "saved")


@blueprint.post("/stop")
@access.public
@_FOR_PEOPLE
def stop(token: str) -> Response:
    """Nothing more on this channel."""
    ticket = _ticket(token)
    with workshop().open(access.anonymous()) as work:
        preferences.stop(work, ticket)
    return _back(token, "stopped")


@blueprint.post("/resume")
@access.public
@_FOR_PEOPLE
def resume(token: str) -> Response:
    """Take that back."""
    ticket = _ticket(token)
    with workshop().open(access.anonymous()) as work:
        preferences.resume(work, ticket)
    return _back(token, "resumed")


@blueprint.post("/undo")
@access.public
@_FOR_PEOPLE
def undo(token: str) -> Response:
    """Take back what the page before did."""
    ticket, left = _ticket(token), _listed("topic")
    with workshop().open(access.anonymous()) as work:
        preferences.choose(work, ticket, left, left)
        if request.form.get("everything"):
            preferences.resume(work, ticket)
    return _back(token, "undone")


@blueprint.after_request
def _add_headers(answer: Response) -> Response:
    """The address must not travel on to other pages, nor into a search engine."""
    answer.headers["Referrer-Policy"] = "no-referrer"
    answer.headers["X-Robots-Tag"] = "noindex, nofollow"
    return answer


@blueprint.errorhandler(AppError)
def _say_app_error(error: AppError) -> Response:
    return _say(error.status, error.message)


@blueprint.errorhandler(HTTPException)
def _say_http_error(error: HTTPException) -> Response | HTTPException:
    if error.code is None or error.code < 400:
        return error
    return _say(error.code, "Wait a minute, then open the link again." if error.code == 429 else "Open the link again.")


def _say(status: int, sentence: str) -> Response:
    return make_response(render_template("unsubscribe/error.html", status=status, sentence=sentence), status)


def _ticket(token: str) -> Ticket:
    return preferences.open_link(workshop().vault, token)


def _listed(name: str) -> set[str]:
    return set(request.form.getlist(name)[:1000])


def _back(token: str, said: str) -> Response:
    answer: Any = redirect(url_for("unsubscribe.choices", token=token, said=said), 303)
    return make_response(answer)


def _draw(page: str, token: str, ticket: Ticket, *, status: int = 200, **context: object) -> Response:
    with workshop().read(access.anonymous()) as work:
        standing = preferences.standing_of(work, ticket)
    html = render_template(page, token=token, standing=standing, one_click=ONE_CLICK, **context)
    return make_response(html, status)
