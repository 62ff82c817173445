"""An email in a frame of its own, as the composer and a template's page show it."""

from flask import Response, make_response

# Without scripts and without our origin: whatever is in the email can only be looked at.
_POLICY = (
    "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src https: http: data:; form-action 'none'; "
    "base-uri 'none'; frame-ancestors 'self'"
)


def frame(page: str) -> Response:
    """The answer with that HTML, to be shown in a sandboxed frame only."""
    answer = make_response(page)
    answer.headers["Content-Security-Policy"] = _POLICY
    answer.headers["Referrer-Policy"] = "no-referrer"
    return answer
