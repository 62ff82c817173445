"""/v1/ping: whether the API answers."""

from flask import Response

from app.api.operations import PUBLIC, Call, operation
from app.services.work import Work


@operation("GET", "/ping", PUBLIC)
def ping(_work: Work, _call: Call) -> Response:
    """Answer, whoever asks."""
    return Response("Pong!", content_type="text/plain; charset=UTF-8")
