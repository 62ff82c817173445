"""Requests that may come twice: the same key with the same request gets the first answer, and nothing is done.

Requests and answers may hold secrets (of a provider, a password): an answer is kept sealed, and of a request only a
hash that nobody can make who has the database alone.
"""

import hmac
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from typing import Any

from sqlalchemy import ColumnElement, delete, select
from sqlalchemy.exc import IntegrityError

from app.domain.errors import Invalid, TooMany
from app.domain.permissions import ActorKind
from app.models.idempotency import KeptAnswer
from app.services.work import Work

LONGEST_KEY = 255
KEPT_FOR = timedelta(hours=24)
UNDER_WAY = 0  # the status of a key whose request is being answered
LONGEST_WAY = timedelta(minutes=10)  # after that its process is taken for dead, and the key is free again
_PURPOSE = "kept answer"


@dataclass(frozen=True, slots=True)
class Earlier:
    """What the first request was answered; `body` is None for an answer without one."""

    status: int
    body: Any


def fingerprint(*parts: str | bytes) -> str:
    """What makes two requests the same one: a hash over these parts."""
    whole = sha256()
    for part in parts:
        octets = part.encode("utf-8", "surrogatepass") if isinstance(part, str) else part
        whole.update(len(octets).to_bytes(8, "big") + octets)
    return whole.hexdigest()


def recall(work: Work, key: str, fingerprint: str) -> Earlier | None:
    """The answer kept under that key for a day; None for a new one.

    Invalid when the key belongs to another request, TooMany while the first one is being answered (`reserve`).
    """
    work.session.execute(
        delete(KeptAnswer).where(KeptAnswer.project_pk == work.project_pk, KeptAnswer.at < work.now - KEPT_FOR)
    )
    kept = work.session.scalar(select(KeptAnswer).where(*_of(work, key)))
    if kept is None:
        return None
    if kept.status == UNDER_WAY and kept.at < work.now - LONGEST_WAY:
        release(work, key)
        return None
    if not any(hmac.compare_digest(kept.fingerprint, mark) for mark in _marks(work, fingerprint)):
        sentence = "Idempotency-Key was used for another request within the last day. Choose a new key."
        raise Invalid({"key": [sentence]})
    if kept.status == UNDER_WAY:
        raise _under_way()
    return Earlier(kept.status, work.vault.decrypt_json(kept.body["sealed"]))


def remember(work: Work, key: str, fingerprint: str, status: int, body: Any) -> None:
    """Keep the answer with what it answers: both are saved or neither."""
    work.session.add(
        KeptAnswer(
            project_pk=work.project_pk, caller_pk=_caller(work), key=key, fingerprint=_marks(work, fingerprint)[0],
            status=status, body={"sealed": work.vault.encrypt_json(body)}, at=work.now,
        )
    )  # fmt: skip
    work.session.flush()


def reserve(work: Work, key: str, fingerprint: str) -> None:
    """Hold a new key for a request that is answered in several works; `release` ends that. TooMany when it is held."""
    try:
        remember(work, key, fingerprint, UNDER_WAY, None)
    except IntegrityError as error:  # two at the same moment meet in the table's unique key
        raise _under_way() from error


def release(work: Work, key: str) -> None:
    """Forget what is kept under that key, so that a refused request can be mended and sent again."""
    work.session.execute(delete(KeptAnswer).where(*_of(work, key)))


def _under_way() -> TooMany:
    return TooMany("A request with this Idempotency-Key is being answered this moment. Ask again.", retry_after=1)


def _of(work: Work, key: str) -> list[ColumnElement[bool]]:
    """Conditions for what this caller keeps under that key."""
    return [
        KeptAnswer.project_pk == work.project_pk, KeptAnswer.caller_pk == _caller(work), KeptAnswer.key == key,
    ]  # fmt: skip


def _marks(work: Work, fingerprint: str) -> list[str]:
    """The fingerprint under each of our keys, first under the one that is used today."""
    return [hmac.new(key, fingerprint.encode(), sha256).hexdigest() for key in work.vault.signing_keys(_PURPOSE)]


def _caller(work: Work) -> int:
    """Whose keys are meant: keys and contacts are numbered apart, so that neither meets an answer of the other."""
    pk = work.actor.pk or 0
    return -pk if work.actor.kind is ActorKind.CONTACT else pk
