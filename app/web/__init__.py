"""The dashboard: its pages, what each template may use, the headers every answer carries, the error pages."""

import importlib
import pkgutil
from functools import partial

from flask import Flask, Response, g, render_template, request
from flask_wtf.csrf import CSRFError, CSRFProtect
from htmx_flask import Htmx
from werkzeug.exceptions import HTTPException

from app.domain.errors import AppError, Invalid
from app.infra.assets import Assets
from app.services.team.access import SignedIn
from app.services.work import Workshop
from app.web import access, doorstep, filters, kept_words, nav
from app.web.context import zone
from app.web.limits import limiter

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; frame-src 'self'; frame-ancestors 'none'; base-uri 'none'; "
    "manifest-src 'self'"
)
THEMES = ("system", "light", "dark")
_STATUS_OF = {"user_unauthorized": 401, "general_unauthorized_scope": 403}


def install(app: Flask, shop: Workshop) -> None:
    """Register every page, and what surrounds them."""
    doorstep.install(app)
    CSRFProtect(app)
    Htmx(app)
    assets = Assets(app.static_folder or "")
    access.install(app, shop)
    app.config.update(RATELIMIT_STORAGE_URI=_limits_url(shop), RATELIMIT_HEADERS_ENABLED=False)
    limiter.init_app(app)
    for module in pkgutil.iter_modules(__path__):
        page = importlib.import_module(f"{__name__}.{module.name}")
        if hasattr(page, "blueprint"):
            app.register_blueprint(page.blueprint)
    filters.install(app.jinja_env, shop.clock, zone)
    app.jinja_env.globals["static_url"] = assets.url
    app.context_processor(lambda: _surroundings(app))
    app.url_defaults(partial(_keep_project, app))
    app.after_request(_add_headers)
    app.register_error_handler(AppError, _show_app_error)
    app.register_error_handler(CSRFError, partial(_show_csrf_error, app))
    app.register_error_handler(HTTPException, _show_http_error)


def _limits_url(shop: Workshop) -> str:
    url = shop.settings.broker_url
    return url.replace("unix://", "redis+unix://", 1) if url.startswith("unix://") else url


def _keep_project(app: Flask, endpoint: str, values: dict[str, object]) -> None:
    project = g.get("project")
    if project is not None and app.url_map.is_endpoint_expecting(endpoint, "project_id"):
        values.setdefault("project_id", project.id)


def _surroundings(app: Flask) -> dict[str, object]:
    now = access.visitor()
    project = g.get("project")
    actor = g.get("actor")
    return {
        "theme": theme(),
        "project": project,
        "projects": now.who.projects if now else (),
        "member": _card(now.who, project.role if project else "") if now else None,
        "can": actor.may if actor else lambda _permission: False,
        "fence": g.get("fence"),
        "behind_fence": g.get("behind_fence"),
        "nav": nav.menu(app.view_functions, actor.may, request.endpoint or "") if actor else (),
    }


def _card(who: SignedIn, role: str) -> dict[str, str]:
    return {"email": who.email, "name": who.name, "role": role}


def theme() -> str:
    """Light, dark, or as the system says: what the cookie chose."""
    chosen = request.cookies.get("theme", "system")
    return chosen if chosen in THEMES else "system"


def _add_headers(answer: Response) -> Response:
    answer.headers.setdefault("Content-Security-Policy", CONTENT_SECURITY_POLICY)
    answer.headers.setdefault("X-Content-Type-Options", "nosniff")
    answer.headers.setdefault("Referrer-Policy", "same-origin")
    answer.headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
    answer.headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
    answer.headers.setdefault("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
    if request.is_secure:
        answer.headers.setdefault("Strict-Transport-Security", "max-age=31536000; includeSubDomains")
    if request.endpoint != "static":
        answer.headers.setdefault("Cache-Control", "no-store")
        answer.vary.add("HX-Request")
        answer.vary.add("Cookie")
    return answer


def _show_app_error(error: AppError) -> tuple[str, int]:
    return _error_page(_STATUS_OF.get(error.type, error.status), error.message)


def _show_csrf_error(app: Flask, _error: CSRFError) -> tuple[str, int] | Response:
    redraw = kept_words.redraw_of(app.view_functions.get(request.endpoint or ""))
    if redraw and kept_words.is_sent_from_here():
        try:  # no error handler of ours stands around this one
            old_page = Invalid({"": [kept_words.OLD_PAGE]})
            return access.gate(app) or redraw(old_page, **request.view_args or {})
        except AppError as error:
            return _show_app_error(error)
    return _error_page(
        400, "This form was open for too long, or in another sign-in. Reload the page and send it again."
    )


def _show_http_error(error: HTTPException) -> tuple[str, int] | HTTPException:
    if error.code is None or error.code < 400:
        return error
    return _error_page(error.code, "")


def _error_page(status: int, sentence: str) -> tuple[str, int]:
    return render_template("errors/error.html", status=status, sentence=sentence), status
