"""What travels with every copy of a message: its files, decoded, its own sender and reply-to, and who stands in Cc."""

from collections import OrderedDict
from collections.abc import Sequence
from typing import Protocol

from sqlalchemy import select
from sqlalchemy.orm import Session

from app import providers
from app.domain.content import EmailContent, content_of
from app.domain.outcomes import Outcome, OutcomeKind, Reason
from app.domain.provider_spec import encoded_size
from app.domain.rendered import NO_EXTRAS, Attachment, Extras
from app.infra.settings import Settings
from app.infra.vault import Vault, VaultError
from app.models.files import Bucket, File
from app.models.messages import Message
from app.models.suppressions import Suppression
from app.models.targets import Target
from app.storage import CorruptFileError, StoreError, open_store
from app.storage.contents import read_contents

KEPT_AT_MOST = 32 * 1024 * 1024  # bytes of files that a process keeps between two jobs


class Refused(Exception):
    """Never: a file is gone, or they are too large for every provider. `outcome` is everybody's."""

    def __init__(self, reason: Reason, sentence: str) -> None:
        super().__init__(sentence)
        self.outcome = Outcome(OutcomeKind.MESSAGE_PERMANENT, reason, sentence)


class Unreadable(Exception):
    """Not now: the file store is away, or a key is missing."""


class Household(Protocol):
    """Whoever can open the file store: a machine of the engine, or a work of the services."""

    @property
    def settings(self) -> Settings:
        """Where the store is."""

    @property
    def vault(self) -> Vault:
        """What opens the keys of its files."""


def extras_of(house: Household, message: Message, session: Session) -> Extras:
    """What every copy of this message carries. Raises Refused or Unreadable."""
    content = content_of(message.channel, message.content)
    if not isinstance(content, EmailContent):
        return NO_EXTRAS
    cc = _addresses(session, message, message.audience.get("cc", ()))
    enclosed = content.enclosed
    rows = _rows(session, message, [file for file, _ in enclosed])
    if rows:
        _refuse_what_nobody_takes(sum(encoded_size(row.size_original) for row in rows))
    attachments = tuple(
        Attachment(row.name, row.mime_type, _read(house, row), content_id)
        for row, (_, content_id) in zip(rows, enclosed, strict=True)
    )
    if not (cc or attachments or content.reply_to or content.from_name or content.from_address):
        return NO_EXTRAS
    return Extras(
        content.reply_to, content.reply_to_name, cc, attachments, content.from_name, content.from_address
    )  # fmt: skip


def _refuse_what_nobody_takes(size: int) -> None:
    """Before the files are read."""
    largest = max(spec.max_message_bytes for spec in providers.specs())
    if size > largest:
        raise Refused(Reason.TOO_LARGE, _too_large(size, largest))


def _too_large(size: int, limit: int) -> str:
    return f"The attachments take {size / 1e6:.1f} MB on their way; the provider takes {limit / 1e6:.1f} MB."


def _addresses(session: Session, message: Message, ids: Sequence[str]) -> tuple[str, ...]:
    """Whom the Cc header names: those who get a copy, in the order they were named."""
    if not ids:
        return ()
    same = (
        (Suppression.project_pk == Target.project_pk)
        & (Suppression.channel == Target.channel)
        & (Suppression.address_key == Target.address_key)
    )
    rows = session.execute(
        select(Target.id, Target.address)
        .outerjoin(Suppression, same)
        .where(
            Target.project_pk == message.project_pk, Target.channel == message.channel, Target.id.in_(ids),
            Target.expired_at.is_(None), Suppression.pk.is_(None),
        )
    )  # fmt: skip
    known = {row.id: row.address for row in rows}
    return tuple(dict.fromkeys(known[public_id] for public_id in ids if public_id in known))


def _rows(session: Session, message: Message, files: Sequence[tuple[str, str]]) -> list[File]:
    """The rows of these files (bucket id, file id), each whole."""
    rows = []
    for bucket_id, file_id in files:
        row = session.scalar(
            select(File)
            .join(Bucket, Bucket.pk == File.bucket_pk)
            .where(Bucket.project_pk == message.project_pk, Bucket.id == bucket_id, File.id == file_id)
        )
        if row is None or not row.store_key:
            said = f"The attachment {file_id} of the bucket {bucket_id} does not exist any more."
            raise Refused(Reason.ATTACHMENT_MISSING, said)
        rows.append(row)
    return rows


# What lies in the store under one key never changes, so the key is enough to know the bytes by.
_kept: "OrderedDict[str, bytes]" = OrderedDict()


def _read(house: Household, row: File) -> bytes:
    """The file as it was given, from memory when it was read a moment ago."""
    if (known := _kept.get(row.store_key)) is not None:
        _kept.move_to_end(row.store_key)
        return known
    try:
        content = b"".join(read_contents(open_store(house.settings), house.vault, row))
    except FileNotFoundError as error:
        said = f"The attachment {row.name} is gone from the file store."
        raise Refused(Reason.ATTACHMENT_MISSING, said) from error
    except CorruptFileError as error:
        said = f"The attachment {row.name} is not what was uploaded: {error}."
        raise Refused(Reason.ATTACHMENT_MISSING, said) from error
    except (StoreError, VaultError) as error:
        raise Unreadable(f"The attachment {row.name} cannot be read now: {error}") from error
    _keep(row.store_key, content)
    return content


def _keep(key: str, content: bytes) -> None:
    if len(content) > KEPT_AT_MOST:
        return
    _kept[key] = content
    while sum(map(len, _kept.values())) > KEPT_AT_MOST:
        _kept.popitem(last=False)
