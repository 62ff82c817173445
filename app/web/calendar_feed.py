"""The calendar in other programs: the member's page about the address, and the address itself, open to who knows it."""

from contextlib import suppress

from flask import Blueprint, Response, make_response, request, url_for

from app.domain.errors import Unavailable
from app.infra.vault import hash_token
from app.services.planning import calendar_feed
from app.web import access
from app.web.context import opening, reading, workshop
from app.web.htmx import go, render, toast
from app.web.limits import limiter

blueprint = Blueprint("calendar_feed", __name__)

CONTENT_TYPE = "text/calendar; charset=utf-8"
# A program looks every few minutes; some services look for all their people from few addresses of the network.
_FOR_PROGRAMS = limiter.limit("600 per minute")
_FOR_ONE = limiter.limit("20 per minute", key_func=lambda: hash_token((request.view_args or {}).get("token", ""))[:32])


@blueprint.get("/p/<project_id>/calendar/feed")
@access.needs("calendar.read")
def show(project_id: str) -> Response:
    """Whether there is an address, and since when."""
    with reading() as work:
        return render("calendar/feed.html", feed=calendar_feed.feed_of(work))


@blueprint.post("/p/<project_id>/calendar/feed")
@access.needs("calendar.read")
def make(project_id: str) -> Response:
    """A new address instead of the one before; shown this once."""
    with opening() as work:
        token = calendar_feed.make_feed(work)
    address = workshop().settings.address + url_for(".read", token=token, project_id=None)
    return render("calendar/feed_address.html", address=address)


@blueprint.post("/p/<project_id>/calendar/feed/revoke")
@access.needs("calendar.read")
def revoke(project_id: str) -> Response:
    """The address leads nowhere any more."""
    with opening() as work:
        calendar_feed.revoke_feed(work)
    toast("Revoked. Programs that know the address find nothing there.")
    return go(url_for(".show"))


@blueprint.get("/calendar/<token>.ics")
@access.public
@_FOR_PROGRAMS
@_FOR_ONE
def read(token: str) -> Response:
    """The calendar as its owner may read it now; 404 for an address that opens nothing, 304 when nothing changed."""
    with workshop().read(access.anonymous()) as work:
        reader = calendar_feed.find_reader(work, token)
        mine = work.given_to(reader.actor)
        message = url_for("message_page.show", project_id=reader.project_id, message_id="MESSAGE")
        text, tag = calendar_feed.write_feed(mine, work.settings.address + message)
    if reader.is_touch_due:
        with suppress(Unavailable), workshop().open(access.anonymous()) as work:  # the answer does not depend on it
            calendar_feed.touch_feed(work, reader.feed_pk)
    answer = make_response(text)
    answer.headers["Content-Type"] = CONTENT_TYPE
    answer.headers["Content-Disposition"] = 'inline; filename="carillon.ics"'
    answer.headers["Cache-Control"] = "private, max-age=300"
    answer.set_etag(tag)
    answer.make_conditional(request)
    return answer
