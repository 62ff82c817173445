"""Members of a project: who they are, their roles, invitations, and the page an invitation leads to."""

from flask import Blueprint, Response, request, url_for

from app.domain.errors import Invalid
from app.services.team import memberships
from app.web import access
from app.web.context import opening, reading, workshop
from app.web.fields import put_errors
from app.web.forms.settings import InvitationForm, JoinForm, RolesForm
from app.web.htmx import go, redraw, render, toast
from app.web.limits import limiter

blueprint = Blueprint("members", __name__)
PLACE = "/p/<project_id>/settings/members"


@blueprint.get(PLACE)
@access.needs("members.read")
def index(project_id: str) -> Response:
    """Everybody with a role here, and the open invitations."""
    return _draw(InvitationForm())


def _draw(form: InvitationForm, address: str = "", status: int = 200) -> Response:
    with reading() as work:
        lines, invitations = memberships.list_members(work), memberships.open_invitations(work)
    return render(
        "settings/members.html", status=status, lines=lines, invitations=invitations, form=form, address=address
    )


@blueprint.post(f"{PLACE}/invite")
@access.needs("members.write")
def invite(project_id: str) -> Response:
    """Make an invitation; its address is shown this once."""
    form = InvitationForm()
    try:
        with opening() as work:
            token = memberships.invite(work, form.role.data or "")
    except Invalid as error:
        put_errors(form, error)
        return _draw(form, status=422)
    path = url_for("members.join", token=token, project_id=None)
    return _draw(InvitationForm(formdata=None), workshop().settings.address + path)


@blueprint.post(f"{PLACE}/invitations/<int:number>/take-back")
@access.needs("members.write")
def take_back(project_id: str, number: int) -> Response:
    """Make an open invitation useless."""
    with opening() as work:
        memberships.take_back(work, number)
    toast("The invitation cannot be used any more.")
    return go(url_for("members.index"))


@blueprint.get(f"{PLACE}/<member_id>")
@access.needs("members.write")
def edit(project_id: str, member_id: str) -> Response:
    """One member's roles, and how to take them away."""
    with reading() as work:
        line = memberships.find_member(work, member_id)
        is_ours = memberships.may_disable(work, line.member)
    return render("settings/member.html", line=line, is_ours=is_ours, form=RolesForm(data={"roles": list(line.roles)}))


@blueprint.post(f"{PLACE}/<member_id>")
@access.needs("members.write")
def change(project_id: str, member_id: str) -> Response:
    """Save roles, remove from the project, or switch the account off or on: what the pressed button says."""
    form = RolesForm()
    act = request.values.get("act", "roles")
    try:
        with opening() as work:
            match act:
                case "remove":
                    memberships.remove_member(work, member_id)
                case "disable" | "enable":
                    memberships.switch_member(work, member_id, on=act == "enable")
                case _:
                    memberships.set_roles(work, member_id, form.roles.data or [])
    except Invalid as error:
        put_errors(form, error)
        with reading() as work:
            line = memberships.find_member(work, member_id)
            is_ours = memberships.may_disable(work, line.member)
        return redraw("settings/member.html", line=line, is_ours=is_ours, form=form)
    toast({"remove": "Removed from the project.", "disable": "Cannot sign in any more."}.get(act, "Saved."))
    return go(url_for("members.index"))


@blueprint.get(f"{PLACE}/<member_id>/remove")
@access.needs("members.write")
def ask_remove(project_id: str, member_id: str) -> Response:
    """Ask before somebody loses all roles here."""
    return _ask(member_id, "remove")


@blueprint.get(f"{PLACE}/<member_id>/disable")
@access.needs("members.write")
def ask_disable(project_id: str, member_id: str) -> Response:
    """Ask before somebody may not sign in any more."""
    return _ask(member_id, "disable")


def _ask(member_id: str, act: str) -> Response:
    with reading() as work:
        return render("settings/member_ask.html", line=memberships.find_member(work, member_id), act=act)


@blueprint.get("/join/<token>")
@access.public
def join(token: str) -> Response:
    """The page of an invitation: make an account, or take the role with the account that is signed in."""
    with workshop().read(access.anonymous()) as work:
        invitation, project = memberships.read_invitation(work, token)
    return render(
        "settings/join.html", form=JoinForm(), token=token, role=invitation.role, name=project.name,
        visitor=access.visitor(),
    )  # fmt: skip


@blueprint.post("/join/<token>")
@access.public
@limiter.limit("20 per minute")
def join_now(token: str) -> Response:
    """Use the invitation."""
    form = JoinForm()
    now = access.visitor()
    if now is not None:
        with workshop().open(access.anonymous()) as work:
            project = memberships.join_as(work, token, now.who.pk)
        toast(f"You belong to {project.name} now.")
        return go(url_for("home.index", project_id=project.id))
    try:
        with workshop().open(access.anonymous()) as work:
            _, project = memberships.read_invitation(work, token)
            session_token = memberships.join(
                work, token, email=form.email.data or "", name=form.name.data or "", password=form.password.data or ""
            )
    except Invalid as error:
        put_errors(form, error)
        with workshop().read(access.anonymous()) as work:
            invitation, project = memberships.read_invitation(work, token)
        return redraw(
            "settings/join.html", form=form, token=token, role=invitation.role, name=project.name, visitor=None
        )
    access.begin(session_token)
    return go(url_for("home.index", project_id=project.id))
