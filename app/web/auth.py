"""Sign in, sign out, and the one-time address of the first member."""

from flask import Blueprint, Response, redirect, render_template, request, url_for

from app.domain.errors import Invalid
from app.services.story import demo
from app.services.team import access as doors
from app.services.team import members
from app.web import access, kept_words
from app.web.context import workshop
from app.web.fields import put_errors
from app.web.forms.access import FirstMemberForm, SignInForm
from app.web.htmx import go, redraw
from app.web.limits import limiter, typed_email

blueprint = Blueprint("auth", __name__)

MISSING = {"email": "Email is missing: type the one that you were invited with.", "password": "Password is missing."}
OLD_SIGN_IN = "Somebody signed in or out in this browser since this page was opened. Type your password again."


@blueprint.get("/")
@access.signed_in
def root() -> Response:
    """The first project of whoever is signed in."""
    now = access.visitor()
    if now is None or not now.who.projects:
        return Response(render_template("auth/no_project.html"))
    return go(url_for("home.index", project_id=now.who.projects[0][0]))


@blueprint.get("/sign-in")
@access.public
def sign_in() -> Response:
    """The sign-in page."""
    if access.visitor() is not None:
        return go(_next_page())
    with workshop().read(access.anonymous()) as work:
        is_new = not doors.has_members(work)
    where = request.args.get("next", "")
    return Response(render_template("auth/sign_in.html", form=SignInForm(), is_new=is_new, where=where, kept=()))


@blueprint.post("/sign-in")
@access.public
@kept_words.kept(lambda _error: _sign_in_again())
@limiter.limit("20 per minute; 120 per hour")
@limiter.limit("10 per minute; 60 per hour", key_func=typed_email)
def sign_in_now() -> Response:
    """Check what was typed, begin a session."""
    form = SignInForm()
    missing = {name: [sentence] for name, sentence in MISSING.items() if not form[name].data}
    if missing:
        return _ask_again(form, Invalid(missing))
    try:
        with workshop().open(access.anonymous()) as work:
            token = doors.sign_in(work, form.email.data or "", form.password.data or "")
    except Invalid as error:
        # It is about both fields together, so it stands above them, once.
        return _ask_again(form, Invalid({"": [sentence for each in error.fields.values() for sentence in each]}))
    access.begin(token)
    return _lead_on()


def _ask_again(form: SignInForm, error: Invalid) -> Response:
    put_errors(form, error)
    return access.ask_to_sign_in(form, request.values.get("next", ""), kept_words.carried_fields(), 422)


def _sign_in_again() -> Response:
    """The sign-in page is older than the session that the browser has now, which may be one of somebody signed in."""
    if access.visitor() is not None:
        return _lead_on()
    return _ask_again(SignInForm(), Invalid({"": [OLD_SIGN_IN]}))


def _lead_on() -> Response:
    where, kept = _next_page(), kept_words.carried_fields()
    if kept:
        return Response(render_template("auth/go_on.html", where=where, fields=kept_words.unpacked(kept)))
    return go(where)


@blueprint.post("/sign-out")
@access.public
def sign_out() -> Response:
    """End the session, here and in the browser."""
    access.end()
    return go(url_for("auth.sign_in"))


@blueprint.get("/start/<token>")
@access.public
def first_member(token: str) -> Response:
    """The page of the one-time address that Carillon prints at its first start."""
    with workshop().read(access.anonymous()) as work:
        doors.check_invitation(work, token)
    return Response(render_template("auth/first_member.html", form=FirstMemberForm(), token=token))


@blueprint.post("/start/<token>")
@access.public
@limiter.limit("20 per minute")
def first_member_now(token: str) -> Response:
    """Make the first member, sign in, and add the demo story when it was asked for."""
    form = FirstMemberForm()
    try:
        with workshop().open(access.anonymous()) as work:
            session_token = members.accept_first_invitation(
                work, token, email=form.email.data or "", name=form.name.data or "", password=form.password.data or ""
            )
    except Invalid as error:
        put_errors(form, error)
        return redraw("auth/first_member.html", form=form, token=token)
    access.begin(session_token)
    if form.with_demo.data:
        with workshop().open(access.anonymous()) as work:
            demo.add_to_first_project(work, session_token)
    return go(url_for("auth.root"))


def _next_page() -> str:
    """Where the member wanted to go: only a path of this site, so that no link can lead elsewhere after sign-in."""
    wanted = request.values.get("next", "")
    is_ours = wanted.startswith("/") and not wanted.startswith(("//", "/\\")) and wanted.isprintable()
    return wanted if is_ours else url_for("auth.root")


@blueprint.post("/theme")
@access.public
def theme() -> Response:
    """Light, dark, or as the system says; kept in a cookie for a year."""
    chosen = request.form.get("theme", "system")
    answer = redirect(_next_page(), 303)
    if chosen in {"light", "dark", "system"}:
        answer.set_cookie("theme", chosen, max_age=31_536_000, samesite="Lax", secure=request.is_secure)
    return answer  # type: ignore[return-value]
