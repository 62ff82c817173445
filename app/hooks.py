"""POST /hooks/<kind>/<provider id>/<token>: where services tell what became of a message.

An application of its own beside the pages and the API: no cookie, no form token, nobody signs in. What comes is proven
by the address, which nobody can guess, and by the service's signature; it is kept at once and applied by a worker.
"""

from typing import Any

from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from app.domain.errors import AppError
from app.domain.receipts import HookRequest, NotProven, NotUnderstood
from app.services.tracking import receipts
from app.services.work import Workshop

LARGEST = 4 * 1024 * 1024  # bytes: SendGrid sends a thousand events and more at once
RETRY_AFTER = "30"  # seconds, while the database is away


class _Desk(Flask):
    """Flask, but for its words about a bug: they quote the path, and ours ends with what nobody may know."""

    def log_exception(self, exc_info: Any) -> None:
        self.logger.error("A receipt cannot be taken in", exc_info=exc_info)


def install(app: Flask, shop: Workshop) -> None:
    """Answer everything under /hooks. Call it before a proxy fix is put around the app."""
    app.wsgi_app = DispatcherMiddleware(app.wsgi_app, {"/hooks": create_hooks(shop)})  # type: ignore[method-assign]


def create_hooks(shop: Workshop) -> Flask:
    """The desk for receipts alone."""
    hooks = _Desk("app.hooks", static_folder=None)
    hooks.config.update(MAX_CONTENT_LENGTH=LARGEST, MAX_FORM_MEMORY_SIZE=LARGEST)

    intake = receipts.Intake(shop)

    def take(kind: str, provider_id: str, token: str) -> Response:
        """Keep what a service says, and answer at once."""
        headers = {name.lower(): value for name, value in request.headers.items()}
        query = request.query_string.decode("utf-8", "replace")
        hook = HookRequest(shop.clock.now(), _whole_body(), headers, query)
        intake.take(kind, provider_id, token, hook)
        return Response(status=204)

    hooks.add_url_rule("/<kind>/<provider_id>/<token>", "take", take, methods=["POST"], provide_automatic_options=False)
    hooks.register_error_handler(AppError, _say_app_error)
    hooks.register_error_handler(NotProven, lambda error: _say(403, str(error)))
    hooks.register_error_handler(NotUnderstood, lambda error: _say(400, str(error)))
    hooks.register_error_handler(HTTPException, lambda error: _say(error.code or 500, error.description or error.name))
    hooks.after_request(_add_headers)
    return hooks


def _whole_body() -> bytes:
    """The body; one that comes in chunks and does not say its length is cut at the limit without a word, so: 413."""
    body = request.get_data(cache=False)
    if request.content_length is None and len(body) >= LARGEST:
        raise RequestEntityTooLarge
    return body


def _say_app_error(error: AppError) -> Response:
    answer = _say(error.status, error.message)
    if error.status == 503:
        answer.headers["Retry-After"] = RETRY_AFTER
    return answer


def _say(status: int, sentence: str) -> Response:
    return Response(f"{sentence}\n", status, content_type="text/plain; charset=utf-8")


def _add_headers(answer: Response) -> Response:
    answer.headers.setdefault("X-Content-Type-Options", "nosniff")
    answer.headers.setdefault("Cache-Control", "no-store")
    return answer
