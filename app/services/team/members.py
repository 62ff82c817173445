"""Members: make them, give them roles."""

from sqlalchemy import delete, select

from app.domain.errors import Invalid
from app.domain.permissions import Role
from app.infra.vault import hash_password
from app.models.members import Member, MemberSession, Membership
from app.models.projects import Project
from app.services.team.access import USED_UP, check_invitation, check_new_member, sign_in, use_up
from app.services.team.projects import choose_project, create_project
from app.services.work import Work


def create_member(work: Work, email: str, password: str, *, role: str, project_id: str = "", name: str = "") -> Member:
    """Make a member with one role in one project (the only one, when `project_id` is empty and there is just one).

    An address that exists already gets the role added and keeps its password. Raises Invalid by field.
    """
    work.require("members.write")
    address, problems = check_new_member(email, name, password)
    if role not in set(Role):
        problems["role"] = [f"Role {role!r} does not exist; use one of {', '.join(Role)}."]
    if problems:
        raise Invalid(problems)
    project = choose_project(work, project_id)
    member = work.session.scalar(select(Member).where(Member.email == address))
    if member is None:
        member = _add_member(work, address, password, name)
    _add_role(work, member, project, Role(role))
    work.audit("member.create", f"member/{member.id}", email=address, role=role, project=project.id)
    return member


def replace_password(work: Work, email: str, password: str) -> Member:
    """Give a member another password and end every session; for whoever runs the machine. Raises Invalid by field."""
    work.require("members.write")
    address, problems = check_new_member(email, "", password)
    member = work.session.scalar(select(Member).where(Member.email == address))
    if member is None and "email" not in problems:
        problems["email"] = [f"There is no member {address}; make one with: carillon member create."]
    if member is None or problems:
        raise Invalid(problems)
    member.password_hash, member.updated_at = hash_password(password), work.now
    work.session.execute(delete(MemberSession).where(MemberSession.member_pk == member.pk))
    work.audit("member.password", f"member/{member.id}", email=address)
    return member


def accept_first_invitation(work: Work, token: str, *, email: str, name: str, password: str) -> str:
    """Make the first member, with a first project when there is none, and sign in: the session's token.

    Raises Invalid by field, SignedOut when the one-time address cannot be used.
    """
    invitation = check_invitation(work, token)
    address, problems = check_new_member(email, name, password)
    if problems:
        raise Invalid(problems)
    use_up(work, invitation, USED_UP)
    projects = work.session.scalars(select(Project)).all() or [create_project(work, "default", name="My project")]
    member = _add_member(work, address, password, name)
    for project in projects:
        _add_role(work, member, project, Role.ADMIN)
    work.audit("member.create", f"member/{member.id}", email=address, role=Role.ADMIN.value)
    work.session.flush()
    return sign_in(work, address, password)


def _add_member(work: Work, address: str, password: str, name: str) -> Member:
    member = Member(
        id=work.unique_id(), email=address, name=name.strip(), password_hash=hash_password(password), **work.stamp()
    )
    work.session.add(member)
    work.session.flush()
    return member


def _add_role(work: Work, member: Member, project: Project, role: Role) -> None:
    held = work.session.scalar(
        select(Membership).where(
            Membership.member_pk == member.pk, Membership.project_pk == project.pk, Membership.role == role.value
        )
    )
    if held is None:
        work.session.add(Membership(member_pk=member.pk, project_pk=project.pk, role=role.value, **work.stamp()))
