"""Letting people in: the first member, sign-in, sessions and what their roles allow."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, func, select, update

from app.domain.addresses import EMAIL_RULE, normalise_email
from app.domain.errors import Forbidden, Invalid, NotFound, SignedOut
from app.domain.names import name_problems
from app.domain.permissions import Actor, ActorKind, Role, permissions_of
from app.infra.vault import hash_password, hash_token, needs_rehash, new_token, verify_password
from app.models.members import Invitation, Member, MemberSession, Membership
from app.models.projects import Project
from app.services.work import Work

IDLE_TIMEOUT = timedelta(hours=12)
ABSOLUTE_TIMEOUT = timedelta(days=7)
SEEN_STEP = timedelta(minutes=1)  # a session's `seen_at` is written at most this often
INVITATION_LIFETIME = timedelta(days=7)
SHORTEST_PASSWORD = 10
LONGEST_PASSWORD = 256

USED_UP = "This one-time address was used already or is too old. Restart Carillon to print a new one."
WRONG_SIGN_IN = "Email and password do not belong together. Check both, or ask an admin for a new password."


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A member with a living session, and where the member belongs."""

    pk: int
    email: str
    name: str
    session_pk: int
    projects: tuple[tuple[str, str], ...]  # (id, name), by name


def sign_in(work: Work, email: str, password: str) -> str:
    """Check both and begin a new session; the token for the browser, which is never stored in clear.

    Raises Invalid with one sentence for every reason, so that nobody learns which addresses exist.
    """
    address = (normalise_email(email) or "").lower()
    member = work.session.scalar(select(Member).where(Member.email == address))
    fits = verify_password(member.password_hash if member else None, password[:LONGEST_PASSWORD])
    if member is None or not fits or member.disabled_at is not None:
        raise Invalid({"password": [WRONG_SIGN_IN]}, type="user_invalid_credentials")
    if needs_rehash(member.password_hash):
        member.password_hash = hash_password(password)
    member.signed_in_at = work.now
    work.audit("member.sign_in", f"member/{member.id}")
    return _begin_session(work, member)


def _begin_session(work: Work, member: Member) -> str:
    token = new_token()
    work.session.add(
        MemberSession(
            token_hash=hash_token(token), member_pk=member.pk, seen_at=work.now, ip=work.actor.ip[:64],
            user_agent=work.actor.user_agent[:512], **work.stamp(),
        )
    )  # fmt: skip
    expired = work.now - ABSOLUTE_TIMEOUT
    work.session.execute(delete(MemberSession).where(MemberSession.created_at < expired))
    return token


def sign_out(work: Work, token: str) -> None:
    """End that session; nothing happens when it ended already."""
    work.session.execute(delete(MemberSession).where(MemberSession.token_hash == hash_token(token)))


def resume(work: Work, token: str) -> SignedIn | None:
    """Who this token signs in; None when the session ended, was idle too long, or is too old. Changes nothing."""
    row = work.session.execute(
        select(MemberSession, Member)
        .join(Member, Member.pk == MemberSession.member_pk)
        .where(MemberSession.token_hash == hash_token(token))
    ).first()
    if row is None:
        return None
    session, member = row
    too_idle = work.now - session.seen_at > IDLE_TIMEOUT
    too_old = work.now - session.created_at > ABSOLUTE_TIMEOUT
    if too_idle or too_old or member.disabled_at is not None:
        return None
    projects = work.session.execute(
        select(Project.id, Project.name)
        .where(Project.pk.in_(select(Membership.project_pk).where(Membership.member_pk == member.pk)))
        .order_by(Project.name)
    ).all()
    return SignedIn(member.pk, member.email, member.name, session.pk, tuple((row.id, row.name) for row in projects))


def is_touch_due(work: Work, signed_in: SignedIn) -> bool:
    """Whether the session's `seen_at` is old enough to be written again."""
    session = work.session.get(MemberSession, signed_in.session_pk)
    return session is not None and work.now - session.seen_at >= SEEN_STEP


def touch(work: Work, signed_in: SignedIn) -> None:
    """Note that the member is there."""
    session = work.session.get(MemberSession, signed_in.session_pk)
    if session is not None:
        session.seen_at = work.now


@dataclass(frozen=True, slots=True)
class ProjectCard:
    """What every page knows of the project it stands in."""

    id: str
    name: str
    time_zone: str
    role: str
    max_lateness: timedelta  # how late its messages may start, unless they say so themselves
    stopped_at: datetime | None = None  # since when all its sending is stopped, and by whom
    stopped_by: str = ""


def actor_in(work: Work, signed_in: SignedIn, project_id: str) -> tuple[Actor, ProjectCard]:
    """The member as an actor in that project; NotFound when the member has no role there (so nobody learns of it)."""
    rows = work.session.execute(
        select(Project, Membership.role)
        .join(Membership, Membership.project_pk == Project.pk)
        .where(Project.id == project_id, Membership.member_pk == signed_in.pk)
    ).all()
    if not rows:
        raise NotFound("This project does not exist, or you have no role in it.", type="project_not_found")
    roles = frozenset(Role(row.role) for row in rows)
    project: Project = rows[0].Project
    actor = Actor(
        ActorKind.MEMBER, signed_in.name or signed_in.email, project.pk, signed_in.pk, permissions_of(roles),
        work.actor.ip, work.actor.user_agent,
    )  # fmt: skip
    strongest = max(roles, key=list(Role).index)
    card = ProjectCard(
        project.id, project.name, project.time_zone, strongest.value, timedelta(seconds=project.max_lateness),
        project.stopped_at, project.stopped_by,
    )  # fmt: skip
    return actor, card


def has_members(work: Work) -> bool:
    """Whether anybody can sign in yet."""
    return bool(work.session.scalar(select(func.count()).select_from(Member)))


def invite_first_member(work: Work) -> str:
    """The token of the one-time address that makes the first member; earlier ones stop working.

    Forbidden once there is a member.
    """
    if has_members(work):
        raise Forbidden("There is a member already; an admin invites the others.")
    work.session.execute(delete(Invitation).where(Invitation.project_pk.is_(None)))
    token = new_token()
    work.session.add(
        Invitation(
            token_hash=hash_token(token), project_pk=None, role=Role.ADMIN.value,
            expires_at=work.now + INVITATION_LIFETIME, **work.stamp(),
        )
    )  # fmt: skip
    return token


def check_invitation(work: Work, token: str) -> Invitation:
    """The first member's invitation behind a one-time address; SignedOut, in words, when it cannot be used (any more).

    It ends with the first member, also with one that was made on the command line. Invitations to a project are
    another matter (`services.team.memberships`): they never make an admin of everything.
    """
    found = work.session.scalar(select(Invitation).where(Invitation.token_hash == hash_token(token)))
    is_usable = found is not None and found.project_pk is None and found.used_at is None and not has_members(work)
    if found is None or not is_usable or found.expires_at < work.now:
        raise SignedOut(USED_UP)
    return found


def use_up(work: Work, invitation: Invitation, sentence: str) -> None:
    """Mark an invitation as used; SignedOut with that sentence when somebody else did so a moment before."""
    mine = update(Invitation).where(Invitation.pk == invitation.pk, Invitation.used_at.is_(None))
    if not work.session.execute(mine.values(used_at=work.now)).rowcount:  # type: ignore[attr-defined]
        raise SignedOut(sentence)


def check_new_member(email: str, name: str, password: str) -> tuple[str, dict[str, list[str]]]:
    """The normalised address, and sentences by field about what cannot be."""
    problems: dict[str, list[str]] = {}
    address = normalise_email(email)
    if address is None:
        problems["email"] = [f"Email {EMAIL_RULE}."]
    if wrong := name_problems(name, may_be_empty=True):
        problems["name"] = wrong
    if len(password) < SHORTEST_PASSWORD:
        problems["password"] = [f"Password needs at least {SHORTEST_PASSWORD} characters; a few words make a good one."]
    elif len(password) > LONGEST_PASSWORD:
        problems["password"] = [f"Password can have at most {LONGEST_PASSWORD} characters."]
    elif address is not None and password.lower() in {address.lower(), address.lower().partition("@")[0]}:
        problems["password"] = ["Password must not be the email address; a few words make a good one."]
    return (address or "").lower(), problems
