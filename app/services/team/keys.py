"""API keys: make, list and revoke them; the secret is shown once."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import bindparam, or_, select

from app.domain.errors import Invalid
from app.domain.names import name_problems
from app.domain.permissions import KEY_SCOPES
from app.infra.prepared import Prepared
from app.infra.vault import hash_token, new_token
from app.models.keys import ApiKey
from app.models.projects import Project
from app.services.work import Work

PREFIX = "carillon_"  # lets a secret scanner recognise a leaked key
STANDARD = "standard_"  # what the reference puts in front of a key; ours may be shown with it or without

SEEN_STEP = timedelta(minutes=1)  # a key's `used_at` is written at most this often
LONGEST_SECRET = 512


@dataclass(frozen=True, slots=True)
class KeyPass:
    """What showing a key at a project came to. `pk` is None, and there are no scopes, when it opens nothing there."""

    project_pk: int
    pk: int | None = None
    name: str = ""
    scopes: frozenset[str] = frozenset()
    is_expired: bool = False
    is_touch_due: bool = False


# Every request of the API asks this.
_SHOWN = Prepared(
    select(Project.pk.label("project_pk"), ApiKey.pk, ApiKey.name, ApiKey.scopes, ApiKey.expires_at, ApiKey.used_at)
    .outerjoin(
        ApiKey,
        (ApiKey.project_pk == Project.pk)
        & or_(ApiKey.secret_hash == bindparam("whole"), ApiKey.secret_hash == bindparam("bare")),
    )
    .where(Project.id == bindparam("project"))
)


def show_key(work: Work, project_id: str, secret: str) -> KeyPass | None:
    """What a secret opens in that project; None when there is no such project. Changes nothing."""
    forms = [form if len(form) <= LONGEST_SECRET else "" for form in (secret, secret.removeprefix(STANDARD))]
    whole, bare = (hash_token(form) if form else "" for form in forms)
    key = work.row(_SHOWN, project=project_id[:64], whole=whole, bare=bare)
    if key is None:
        return None
    if key.pk is None:
        return KeyPass(key.project_pk)
    is_expired = key.expires_at is not None and key.expires_at <= work.now
    is_due = key.used_at is None or work.now - key.used_at >= SEEN_STEP
    return KeyPass(key.project_pk, key.pk, key.name, frozenset(key.scopes), is_expired, is_due and not is_expired)


def touch_key(work: Work, key_pk: int) -> None:
    """Note that the key was used now; nothing happens when it was revoked meanwhile."""
    key = work.session.get(ApiKey, key_pk)
    if key is not None:
        key.used_at = work.now


def create_key(work: Work, *, name: str, scopes: list[str], expires_at: datetime | None = None) -> tuple[ApiKey, str]:
    """Make a key with these scopes (`["all"]` for every one); the row and its secret, which is never seen again.

    Raises Invalid by field.
    """
    work.require("keys.write")
    problems: dict[str, list[str]] = {}
    name = name.strip()
    if wrong := name_problems(name):
        problems["name"] = wrong
    wanted = sorted(KEY_SCOPES) if scopes == ["all"] else sorted(set(scopes))
    unknown = [scope for scope in wanted if scope not in KEY_SCOPES]
    if unknown or not wanted:
        problems["scopes"] = [
            f"Scopes {', '.join(unknown) or 'are empty'}: use all, or a list of {', '.join(sorted(KEY_SCOPES))}."
        ]
    if expires_at is not None and expires_at <= work.now:
        problems["expires_at"] = ["Ends at lies in the past; choose a later time, or leave it empty."]
    if problems:
        raise Invalid(problems)
    secret = PREFIX + new_token()
    key = ApiKey(
        id=work.unique_id(), project_pk=work.project_pk, name=name, secret_hash=hash_token(secret),
        secret_ending=secret[-4:], scopes=wanted, expires_at=expires_at, **work.stamp(),
    )  # fmt: skip
    work.session.add(key)
    work.audit("key.create", f"key/{key.id}", name=name, scopes=wanted)
    return key, secret


def list_keys(work: Work) -> list[ApiKey]:
    """The keys of the project, the newest first."""
    work.require("keys.read")
    return list(
        work.session.scalars(select(ApiKey).where(ApiKey.project_pk == work.project_pk).order_by(ApiKey.pk.desc()))
    )


def find_key(work: Work, key_id: str) -> ApiKey:
    """The key with that id; NotFound when there is none in this project."""
    work.require("keys.read")
    key: ApiKey = work.find(ApiKey, key_id, noun="key")
    return key


def revoke_key(work: Work, key_id: str) -> None:
    """Delete a key; whatever uses it is refused from now on."""
    work.require("keys.write")
    key = find_key(work, key_id)
    work.session.delete(key)
    work.audit("key.revoke", f"key/{key_id}", name=key.name, ending=key.secret_ending)
