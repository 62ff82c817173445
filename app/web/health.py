"""Answers for whoever watches from outside: is the process alive, is everything ready, can this web server serve."""

from flask import Blueprint, Response, jsonify

from app.services.running import health
from app.web import access
from app.web.context import workshop

blueprint = Blueprint("health", __name__)


@blueprint.get("/healthz")
@access.public
def healthz() -> Response:
    """This process answers."""
    return jsonify(status="ok")


@blueprint.get("/readyz")
@access.public
def readyz() -> Response:
    """200 when database, queue and at least one worker and ticker are ready; 503 with what is not."""
    shop = workshop()
    missing = health.missing_parts(shop.database, shop.broker)
    answer = jsonify(status="ready" if not missing else "waiting", missing=missing)
    answer.status_code = 503 if missing else 200
    return answer


@blueprint.get("/readyz/web")
@access.public
def readyz_web() -> Response:
    """200 when this web server reaches the database, which is all that pages and the API need; else 503.

    For load balancers: where workers and queue are on other machines, their absence must not take the pages away.
    """
    check = health.check_database(workshop().database)
    answer = jsonify(status="ready" if check.is_good else "waiting", missing=[] if check.is_good else [check.name])
    answer.status_code = 200 if check.is_good else 503
    return answer
