"""Who may open which page: the decorators every view wears, and the gate that reads them."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeVar

from flask import Flask, Response, flash, g, make_response, redirect, render_template, request, session, url_for
from flask_login import LoginManager, UserMixin, current_user, login_user, logout_user

from app.domain.errors import Forbidden
from app.domain.permissions import Actor, ActorKind
from app.services.sending import fences
from app.services.team import access
from app.services.team.access import ProjectCard, SignedIn
from app.services.work import Workshop
from app.web import kept_words
from app.web.context import workshop
from app.web.doorstep import WAS_HERE, is_known
from app.web.forms.access import SignInForm

View = TypeVar("View", bound=Callable[..., Any])
PUBLIC = "public"
SIGNED_IN = "signed_in"


def needs(permission: str) -> Callable[[View], View]:
    """This view needs that permission in the project its address names."""

    def mark(view: View) -> View:
        view.permission = permission  # type: ignore[attr-defined]
        return view

    return mark


def public(view: View) -> View:
    """This view is open to everybody."""
    view.permission = PUBLIC  # type: ignore[attr-defined]
    return view


def signed_in(view: View) -> View:
    """This view is open to every member, whatever their roles."""
    view.permission = SIGNED_IN  # type: ignore[attr-defined]
    return view


class Visitor(UserMixin):  # type: ignore[misc]
    """A signed-in member as Flask-Login knows them; the id is the session's token."""

    def __init__(self, token: str, who: SignedIn) -> None:
        self.token = token
        self.who = who

    def get_id(self) -> str:
        """The session's token; it stands only in the signed cookie."""
        return self.token


def visitor() -> Visitor | None:
    """Whoever is signed in."""
    return current_user if isinstance(current_user._get_current_object(), Visitor) else None


def anonymous() -> Actor:
    """Somebody before sign-in: no project, no permission, but an address to note."""
    return Actor(ActorKind.MEMBER, "", ip=request.remote_addr or "", user_agent=request.headers.get("User-Agent", ""))


def begin(token: str) -> None:
    """Sign the browser in: everything its cookie held before is dropped, so the session is new (session fixation)."""
    session.clear()
    g.pop("csrf_token", None)  # a form that was read already made one for the session before
    with workshop().read(anonymous()) as work:
        who = access.resume(work, token)
    if who is not None:
        session.permanent = True
        login_user(Visitor(token, who))


def end() -> None:
    """Sign the browser out and end the session on our side too."""
    now = visitor()
    if now is not None:
        with workshop().open(anonymous()) as work:
            access.sign_out(work, now.token)
    was_here = is_known()
    logout_user()
    session.clear()
    if was_here:
        session[WAS_HERE] = True


def install(app: Flask, shop: Workshop) -> None:
    """Put the gate before every view of the app."""
    login = LoginManager(app)
    login.session_protection = None  # our own sessions end by idleness, age, sign-out and disabling

    @login.user_loader  # type: ignore[untyped-decorator]
    def _load(token: str) -> Visitor | None:
        with shop.read(anonymous()) as work:
            who = access.resume(work, token)
            due = who is not None and access.is_touch_due(work, who)
        if who is None:
            return None
        if due:
            with shop.open(anonymous()) as work:
                access.touch(work, who)
        return Visitor(token, who)

    app.before_request(partial(gate, app))


def gate(app: Flask) -> Response | None:
    """Let whoever asks through to the view, with actor and project in `g`; otherwise the answer they get instead."""
    view = app.view_functions.get(request.endpoint or "")
    permission = getattr(view, "permission", None)
    if view is None or permission == PUBLIC or request.endpoint == "static":
        return None
    now = visitor()
    if now is None:
        return _to_sign_in(kept_words.redraw_of(view) is not None)
    project_id = (request.view_args or {}).get("project_id")
    if project_id is not None:
        with workshop().read(anonymous()) as work:
            g.actor, g.project = access.actor_in(work, now.who, project_id)
            g.fence = fences.fence_of(work)
            g.behind_fence = fences.waiting(work) if g.fence else None
    if permission == SIGNED_IN:
        return None
    if permission is None or project_id is None or not g.actor.may(permission):
        raise Forbidden(_say_role(g.get("project")))
    return None


def _say_role(project: ProjectCard | None) -> str:
    if project is None:
        return "Your role does not allow this."
    return (
        f"Your role in {project.name} is {project.role}, which does not allow this. "
        "An admin can give you another one under Settings, Members."
    )


def _to_sign_in(is_dear: bool) -> Response:
    typed = kept_words.sent_fields() if is_dear else []
    if typed and not request.headers.get("HX-Request"):
        return ask_to_sign_in(SignInForm(formdata=None), request.path, typed, 401)
    where = request.full_path.rstrip("?") if request.method == "GET" and not request.headers.get("HX-Request") else ""
    address = url_for("auth.sign_in", next=where or None)
    if request.headers.get("HX-Request"):
        answer = Response(status=401)
        answer.headers["HX-Redirect"] = address
        return answer
    if where not in {"", "/"}:
        flash("Sign in to go on.", "info")
    return redirect(address)  # type: ignore[return-value]


def ask_to_sign_in(form: SignInForm, where: str, kept: Sequence[tuple[str, str]], status: int) -> Response:
    """The sign-in page that leads on to the path `where`, and carries what was sent there meanwhile."""
    page = render_template("auth/sign_in.html", form=form, is_new=False, where=where, kept=kept)
    return make_response(page, status)
