"""Two answers for whoever watches from outside: is the process alive, is everything ready."""

from flask import Blueprint, Response, jsonify

from app.services import health
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
