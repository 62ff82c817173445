"""Who belongs to a project: its members, their roles, and the invitations that are open."""

from collections.abc import Collection
from dataclasses import dataclass, replace

from sqlalchemy import delete, func, select

from app.domain.errors import Conflict, Invalid, NotFound, SignedOut
from app.domain.permissions import Role
from app.infra.vault import hash_password, hash_token, new_token
from app.models.members import Invitation, Member, MemberSession, Membership
from app.models.projects import Project
from app.services.planning.calendar_feed import forget_feed
from app.services.team.access import INVITATION_LIFETIME, check_new_member, sign_in, use_up
from app.services.work import Work

USELESS = "This invitation was used already, taken back, or is too old. Ask an admin of the project for a new one."


@dataclass(frozen=True, slots=True)
class Line:
    """A member of the project with the roles held there."""

    member: Member
    roles: tuple[str, ...]
    is_self: bool


def list_members(work: Work) -> list[Line]:
    """Everybody who has a role in the project, by address."""
    work.require("members.read")
    rows = work.session.execute(
        select(Member, Membership.role)
        .join(Membership, Membership.member_pk == Member.pk)
        .where(Membership.project_pk == work.project_pk)
        .order_by(Member.email)
    )
    held: dict[int, tuple[Member, list[str]]] = {}
    for member, role in rows:
        held.setdefault(member.pk, (member, []))[1].append(role)
    order = list(Role)
    return [
        Line(member, tuple(sorted(roles, key=lambda role: order.index(Role(role)))), member.pk == work.actor.pk)
        for member, roles in held.values()
    ]


def find_member(work: Work, member_id: str) -> Line:
    """One member of the project; NotFound when they have no role in it."""
    for line in list_members(work):
        if line.member.id == member_id:
            return line
    raise NotFound("This member does not belong to the project any more.", type="user_not_found")


def set_roles(work: Work, member_id: str, roles: Collection[str]) -> None:
    """Give a member exactly these roles in the project. The project always keeps an admin who can sign in."""
    work.require("members.write")
    line = find_member(work, member_id)
    wanted = {role for role in roles if role in set(Role)}
    if not wanted:
        raise Invalid({"roles": ["Roles: choose at least one, or remove the member from the project."]})
    if Role.ADMIN not in wanted:
        _require_another_admin(work, line, "Roles")
    _replace_roles(work, line, wanted)
    work.audit("member.roles", f"member/{member_id}", before=list(line.roles), after=sorted(wanted))


def remove_member(work: Work, member_id: str) -> None:
    """Take every role in the project from a member; their account stays."""
    work.require("members.write")
    line = find_member(work, member_id)
    _require_another_admin(work, line, "member")
    _replace_roles(work, line, set())
    forget_feed(work, line.member.pk)
    work.audit("member.remove", f"member/{member_id}", email=line.member.email, roles=list(line.roles))


def may_disable(work: Work, member: Member) -> bool:
    """Whether the account may be switched off here: only when it belongs to no other project."""
    elsewhere = select(func.count()).where(Membership.member_pk == member.pk, Membership.project_pk != work.project_pk)
    return member.pk != work.actor.pk and not work.session.scalar(elsewhere)


def switch_member(work: Work, member_id: str, *, on: bool) -> None:
    """Let a member sign in, or not any more; switching off ends their sessions at once."""
    work.require("members.write")
    line = find_member(work, member_id)
    member = line.member
    if not may_disable(work, member):
        raise Conflict("This account is your own or belongs to other projects too; remove it from the project instead.")
    if not on:
        _require_another_admin(work, line, "member")
        work.session.execute(delete(MemberSession).where(MemberSession.member_pk == member.pk))
    member.disabled_at = None if on else member.disabled_at or work.now
    work.audit("member.enable" if on else "member.disable", f"member/{member_id}", email=member.email)


def _require_another_admin(work: Work, line: Line, field: str) -> None:
    others = work.session.scalar(
        select(func.count())
        .select_from(Membership)
        .join(Member, Member.pk == Membership.member_pk)
        .where(
            Membership.project_pk == work.project_pk,
            Membership.role == Role.ADMIN.value,
            Member.disabled_at.is_(None),
            Member.pk != line.member.pk,
        )
    )
    if Role.ADMIN in line.roles and not others:
        sentence = f"{line.member.email} is the only admin of the project. Make somebody else an admin first."
        raise Invalid({field.lower(): [sentence]})


def _replace_roles(work: Work, line: Line, wanted: Collection[str]) -> None:
    work.session.execute(
        delete(Membership).where(Membership.member_pk == line.member.pk, Membership.project_pk == work.project_pk)
    )
    for role in sorted(wanted):
        work.session.add(Membership(member_pk=line.member.pk, project_pk=work.project_pk, role=role, **work.stamp()))


def invite(work: Work, role: str) -> str:
    """Make a one-time invitation with that role; its token, which is never seen again. It lasts a week."""
    work.require("members.write")
    if role not in set(Role):
        raise Invalid({"role": [f"Role: choose one of {', '.join(Role)}."]})
    token = new_token()
    invitation = Invitation(
        token_hash=hash_token(token), project_pk=work.project_pk, role=role,
        expires_at=work.now + INVITATION_LIFETIME, **work.stamp(),
    )  # fmt: skip
    work.session.add(invitation)
    work.session.flush()
    work.audit("member.invite", f"invitation/{invitation.pk}", role=role)
    return token


def open_invitations(work: Work) -> list[Invitation]:
    """The invitations to the project that can still be used, the newest first."""
    work.require("members.read")
    return list(
        work.session.scalars(
            select(Invitation)
            .where(
                Invitation.project_pk == work.project_pk, Invitation.used_at.is_(None), Invitation.expires_at > work.now
            )
            .order_by(Invitation.pk.desc())
        )
    )


def take_back(work: Work, number: int) -> None:
    """Make an open invitation useless; nothing happens when it was used or taken back already."""
    work.require("members.write")
    for invitation in open_invitations(work):
        if invitation.pk == number:
            work.session.delete(invitation)
            work.audit("member.uninvite", f"invitation/{number}", role=invitation.role)


def read_invitation(work: Work, token: str) -> tuple[Invitation, Project]:
    """The invitation behind a one-time address, with its project; SignedOut, in words, when it cannot be used."""
    invitation = work.session.scalar(select(Invitation).where(Invitation.token_hash == hash_token(token)))
    if invitation is None or invitation.project_pk is None:
        raise SignedOut(USELESS)
    project = work.session.get(Project, invitation.project_pk)
    if project is None or invitation.used_at is not None or invitation.expires_at < work.now:
        raise SignedOut(USELESS)
    return invitation, project


def join(work: Work, token: str, *, email: str, name: str, password: str) -> str:
    """Make the account of somebody who was invited, and sign in: the session's token. Raises Invalid by field."""
    invitation, project = read_invitation(work, token)
    address, problems = check_new_member(email, name, password)
    if not problems and work.session.scalar(select(Member.pk).where(Member.email == address)) is not None:
        problems["email"] = ["Email has an account already. Sign in with it first, then open the invitation again."]
    if problems:
        raise Invalid(problems)
    member = Member(
        id=work.unique_id(), email=address, name=name.strip(), password_hash=hash_password(password), **work.stamp()
    )
    work.session.add(member)
    work.session.flush()
    _use(work, invitation, project, member.pk)
    work.session.flush()
    return sign_in(work, address, password)


def join_as(work: Work, token: str, member_pk: int) -> Project:
    """Add the invitation's role to a member who is signed in; the project."""
    invitation, project = read_invitation(work, token)
    _use(work, invitation, project, member_pk)
    return project


def _use(work: Work, invitation: Invitation, project: Project, member_pk: int) -> None:
    use_up(work, invitation, USELESS)
    held = select(Membership.pk).where(
        Membership.member_pk == member_pk, Membership.project_pk == project.pk, Membership.role == invitation.role
    )
    if work.session.scalar(held) is None:
        work.session.add(Membership(member_pk=member_pk, project_pk=project.pk, role=invitation.role, **work.stamp()))
    member = work.session.get_one(Member, member_pk)
    actor = replace(work.actor, project_pk=project.pk, pk=member.pk, name=member.email)  # so that its trail has it
    replace(work, actor=actor).audit("member.join", f"member/{member.id}", role=invitation.role)
