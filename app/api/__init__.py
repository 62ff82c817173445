"""The REST API under /v1: an application of its own, so that nothing of the dashboard leaks into it."""

import importlib
import pkgutil
from collections.abc import Sequence

from flask import Flask

from app.api import auth, errors
from app.api.operations import OPERATIONS, REFUSED, Operation
from app.api.routing import Api
from app.api.transport import Mount, surround
from app.services.work import Workshop

MAX_REQUEST_BYTES = 12 * 1024 * 1024


def install(app: Flask, shop: Workshop) -> None:
    """Answer everything under /v1 by the API. Call it before a proxy fix is put around the app."""
    app.extensions["carillon.api"] = api = create_api(shop)
    app.wsgi_app = Mount(app.wsgi_app, api)  # type: ignore[method-assign]


def create_api(shop: Workshop) -> Flask:
    """The API alone: no cookie, no form token, no page; each operation of this package's modules is a route."""
    api = Api("app.api")
    api.config.update(MAX_CONTENT_LENGTH=MAX_REQUEST_BYTES, MAX_FORM_MEMORY_SIZE=MAX_REQUEST_BYTES)
    api.extensions["carillon"] = shop
    limiter = auth.make_limiter(shop)
    for operation in (*read_operations(), *REFUSED.values()):
        api.add_url_rule(
            operation.rule, operation.name, auth.guard(operation, shop, limiter), methods=[operation.method],
            provide_automatic_options=False,
        )  # fmt: skip
    surround(api, shop)
    errors.install(api)
    return api


def read_operations() -> Sequence[Operation]:
    """Every operation that the modules of this package offer; what they refuse is not among them."""
    for module in pkgutil.iter_modules(__path__):
        importlib.import_module(f"{__name__}.{module.name}")
    return tuple(OPERATIONS.values())
