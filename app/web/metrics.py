"""What monitoring reads: `/metrics`, for whoever shows the token of the settings."""

import hmac

from flask import Blueprint, Response, abort, request

from app.web import access
from app.web.context import workshop
from app.web.limits import limiter

blueprint = Blueprint("metrics", __name__)


@blueprint.get("/metrics")
@access.public
@limiter.limit("20 per minute; 120 per hour", deduct_when=lambda answer: answer.status_code == 401)
def show() -> Response:
    """All metrics in Prometheus' text format; 404 when no token is set, 401 when another one or none is shown."""
    wanted = workshop().settings.metrics_token
    if not wanted:
        abort(404)
    scheme, _, shown = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not hmac.compare_digest(shown.strip().encode(), wanted.encode()):
        sentence = "Show the token of CARILLON_METRICS_TOKEN in the header Authorization: Bearer.\n"
        return Response(sentence, 401, {"WWW-Authenticate": "Bearer"}, content_type="text/plain; charset=utf-8")
    from app.services.running import metrics  # noqa: PLC0415 - Prometheus' library costs 0.1 s that a start need not pay

    return Response(metrics.exposition(workshop()), content_type=metrics.CONTENT_TYPE)
