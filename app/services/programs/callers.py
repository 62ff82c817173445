"""Callers of the REST API: what project, key, session or token a request shows, and whom that makes it (section 3)."""

from dataclasses import dataclass
from datetime import timedelta

from app.domain.caller_roles import GUEST_ROLES, roles_of_contact
from app.domain.channels import Channel
from app.domain.errors import AppError
from app.domain.permissions import CONTACT_SCOPES, GUEST_SCOPES, Actor, ActorKind, permissions_of_scope
from app.models.contact_sessions import ContactSession
from app.models.contacts import Contact
from app.services.accounts import contact_sessions, contact_tokens
from app.services.accounts.contact_passwords import main_address
from app.services.team import keys
from app.services.work import Work

SEEN_STEP = timedelta(days=1)  # a contact's `accessed_at` is written at most this often
ACCOUNT_KEY = "account_"


class Refusal(AppError):
    """The credentials, or the project, cannot be used."""


@dataclass(frozen=True, slots=True)
class Shown:
    """What a request shows; whatever it does not show is empty. A session is a contact's id and the secret."""

    project_id: str = ""
    key: str = ""
    contact_id: str = ""
    secret: str = ""
    token: str = ""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: a key, a contact that is signed in, or a guest. `session_pk` is the contact's session, if any.

    `email` is how the caller is called in refusals. `is_by_token`: a signed token stands for the session.
    """

    kind: ActorKind = ActorKind.GUEST
    project_pk: int | None = None
    pk: int | None = None
    name: str = ""
    email: str = "User"
    scopes: frozenset[str] = frozenset()
    roles: frozenset[str] = frozenset()
    session_pk: int | None = None
    is_by_token: bool = False
    is_blocked: bool = False
    is_touch_due: bool = False

    def act(self, scope: str, *, ip: str, user_agent: str) -> Actor:
        """The caller as an actor that may do what an operation with that scope needs, and no more."""
        allowed = permissions_of_scope(scope, is_key=self.kind is ActorKind.KEY)
        return Actor(self.kind, self.name, self.project_pk, self.pk, allowed, ip, user_agent, self.roles)


def recognise(work: Work, shown: Shown) -> Caller:
    """Whom the credentials make the request, in the order of the contract; changes nothing.

    Refusal for a project that does not exist, a key that is too old, and credentials that exclude each other;
    BadTokenError for a token that was not made here. Credentials that open nothing make a guest.
    """
    if not shown.project_id:
        return Caller()
    passed = keys.show_key(work, shown.project_id, shown.key)
    if passed is None:
        raise Refusal(f"There is no project {shown.project_id[:64]!r} here.", type="project_not_found")
    if passed.is_expired:
        raise Refusal("This API key is expired. Make a new one in the dashboard.", type="project_key_expired")
    if passed.pk is not None:
        email = f"app.{shown.project_id}@service.{work.settings.address.partition('://')[2]}"
        return Caller(
            ActorKind.KEY, passed.project_pk, passed.pk, passed.name, email, passed.scopes,
            is_touch_due=passed.is_touch_due,
        )  # fmt: skip
    guest = Caller(project_pk=passed.project_pk, scopes=GUEST_SCOPES, roles=GUEST_ROLES)
    return _sign_in(work, passed.project_pk, shown) or guest


def _sign_in(work: Work, project_pk: int, shown: Shown) -> Caller | None:
    """The contact whose session, or token, is shown."""
    found = contact_sessions.resume(work, project_pk, shown.contact_id, shown.secret) if shown.secret else None
    if found is not None and shown.key.startswith(ACCOUNT_KEY):
        raise Refusal("Show an account key or a session, not both.", type="user_api_key_and_session_set")
    if found is not None and shown.token:
        raise Refusal("Show a JWT or a session, not both.", type="user_jwt_and_cookie_set")
    if found is not None:
        return _as_contact(work, found[1], found[0], is_by_token=False)
    return _sign_in_by_token(work, project_pk, shown.token) if shown.token else None


def _sign_in_by_token(work: Work, project_pk: int, token: str) -> Caller | None:
    claims = contact_tokens.read_token(work, project_pk, token)
    if not claims.session_id:
        contact = contact_sessions.find_contact(work, project_pk, claims.contact_id)
        return _as_contact(work, contact, None, is_by_token=True) if contact is not None else None
    found = contact_sessions.resume_by_id(work, project_pk, claims.contact_id, claims.session_id)
    return _as_contact(work, found[1], found[0], is_by_token=True) if found is not None else None


def _as_contact(work: Work, contact: Contact, session: ContactSession | None, *, is_by_token: bool) -> Caller:
    email = main_address(work, contact, Channel.EMAIL)
    roles = roles_of_contact(
        contact.id, is_verified=contact.email_verified or contact.phone_verified, labels=contact.labels
    )
    return Caller(
        ActorKind.CONTACT, contact.project_pk, contact.pk, contact.name or email, email or "User", CONTACT_SCOPES,
        roles, session.pk if session is not None else None, is_by_token, not contact.may_sign_in,
        contact.accessed_at is None or work.now - contact.accessed_at >= SEEN_STEP,
    )  # fmt: skip


def touch(work: Work, caller: Caller) -> None:
    """Note that the key or the contact was there now; nothing happens when it is gone meanwhile."""
    if caller.pk is None:
        return
    if caller.kind is ActorKind.KEY:
        keys.touch_key(work, caller.pk)
    else:
        contact_sessions.touch_contact(work, caller.pk)
