"""The one place where the HTTP process is wired together."""

from datetime import timedelta

from flask import Flask
from flask.logging import default_handler
from flask_compress import Compress
from werkzeug.middleware.proxy_fix import ProxyFix

from app import api, hooks, web
from app.emulators import inbox
from app.infra.settings import ROOT, Settings
from app.services.team.access import ABSOLUTE_TIMEOUT
from app.services.work import Workshop
from app.url_rules import LateRule
from app.web import request_log

MAX_REQUEST_BYTES = 32 * 1024 * 1024
MAX_FORM_FIELD_BYTES = 12 * 1024 * 1024  # an email's HTML comes as a form field; its own limit speaks in words
STATIC_LIFETIME = timedelta(days=365)  # addresses of static files carry their hash


def create_app(settings: Settings, *, workshop: Workshop | None = None) -> Flask:
    """The whole HTTP application. `workshop` lets tests bring their own clock."""
    shop = workshop or Workshop.equip(settings)
    app = Flask("app", template_folder=str(ROOT / "templates"), static_folder=str(ROOT / "static"))
    app.url_rule_class = LateRule
    app.url_map.strict_slashes = False  # a slash too many is no reason for a 404
    is_https = settings.address.startswith("https://")
    app.config.update(
        SECRET_KEY=shop.vault.signing_key("cookie"),
        SECRET_KEY_FALLBACKS=shop.vault.signing_keys("cookie")[1:],
        MAX_CONTENT_LENGTH=MAX_REQUEST_BYTES,
        MAX_FORM_MEMORY_SIZE=MAX_FORM_FIELD_BYTES,
        SEND_FILE_MAX_AGE_DEFAULT=STATIC_LIFETIME,
        SESSION_COOKIE_NAME="__Host-carillon" if is_https else "carillon",
        SESSION_COOKIE_SECURE=is_https,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        PERMANENT_SESSION_LIFETIME=ABSOLUTE_TIMEOUT,
        WTF_CSRF_TIME_LIMIT=None,  # a token lives as long as its session: drafts stay open for days
        COMPRESS_MIMETYPES=["text/html", "text/css", "text/javascript", "application/json", "image/svg+xml"],
        COMPRESS_ALGORITHM=["br", "gzip"],
    )
    app.extensions["carillon"] = shop
    api.install(app, shop)
    hooks.install(app, shop)
    if settings.trusted_proxies:
        hops = settings.trusted_proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops)  # type: ignore[method-assign]
    app.logger.removeHandler(default_handler)  # Flask's own, which knows nothing of redaction
    Compress(app)
    web.install(app, shop)
    app.register_blueprint(inbox.blueprint)
    request_log.install(app)
    return app
