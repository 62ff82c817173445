"""Who uses a file: messages and templates whose content names it, found through the table that `use_index` keeps."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

from sqlalchemy import bindparam, func, select

from app.domain.message_states import MessageStatus
from app.models.files import FileUse
from app.models.messages import Message
from app.models.templates import Template
from app.services.work import Work

SHOWN = 20  # messages that a page names
COUNTED = 1_000  # more sent messages that used a file are not counted
MOST_COUNTED = 100  # the same for each file of a list
# What still reads its files: a sent message keeps what it said, and what people got is theirs.
NEEDING = tuple(state.value for state in (MessageStatus.DRAFT, MessageStatus.SCHEDULED, MessageStatus.PROCESSING))

_SOME = select(FileUse.pk).where(
    FileUse.project_pk == bindparam("project"), FileUse.bucket_id == bindparam("bucket"),
    FileUse.file_id == bindparam("file"),
).limit(MOST_COUNTED + 1)  # fmt: skip
_COUNT = select(func.count()).select_from(_SOME.subquery())


@dataclass(frozen=True, slots=True)
class Use:
    """A message that names the file, as pages show it; `at` is when it goes out, began, or was changed."""

    id: str
    title: str
    channel: str
    phase: str
    at: datetime
    is_draft: bool


@dataclass(frozen=True, slots=True)
class Uses:
    """Who uses one file or several. Of each sort the newest are named, and `…_total` says how many there are.

    `needing` would go out without it: drafts, scheduled ones, and those on their way. `past` have ended (at most
    COUNTED are counted). `templates` are pairs of id and name. `sign` stands for exactly these messages and templates:
    empty when nothing needs the file.
    """

    needing: Sequence[Use] = ()
    needing_total: int = 0
    past: Sequence[Use] = ()
    past_total: int = 0
    templates: Sequence[tuple[str, str]] = ()
    sign: str = ""


def uses_of(work: Work, bucket_id: str, file_ids: Sequence[str] | None = None) -> Uses:
    """Who uses these files of a bucket; None means all of them, also those that only a content names."""
    work.require("files.read")
    named = [FileUse.project_pk == work.project_pk, FileUse.bucket_id == bucket_id]
    if file_ids is not None:
        named.append(FileUse.file_id.in_(file_ids))
    needing, templates = _needing(work, named), _templates(work, named)
    past, past_total = _past(work, named, is_one=file_ids is not None and len(file_ids) == 1)
    numbers = [*(f"m{pk}" for pk in needing), *(f"t{pk}" for _, _, pk in templates)]
    sign = sha256(" ".join(numbers).encode()).hexdigest()[:32] if numbers else ""
    pairs = [(template_id, name) for template_id, name, _ in templates]
    return Uses(_named(work, needing[:SHOWN]), len(needing), past, past_total, pairs, sign)


def counts_of(work: Work, bucket_id: str, file_ids: Iterable[str]) -> dict[str, int]:
    """How many messages and templates use each of these files of a bucket; those that nobody uses are left out.

    Counted up to one more than MOST_COUNTED: a logo in every message costs no more than any other file.
    """
    named = {"project": work.project_pk, "bucket": bucket_id}
    counted = {each: work.session.scalar(_COUNT, {**named, "file": each}) or 0 for each in file_ids}
    return {each: total for each, total in counted.items() if total}


def _needing(work: Work, named: Sequence[Any]) -> list[int]:
    """Numbers of the messages that would go out without it, newest first; read from the side of those that wait."""
    uses = select(FileUse.pk).where(*named, FileUse.message_pk == Message.pk).correlate(Message).exists()
    found = select(Message.pk).where(Message.project_pk == work.project_pk, Message.status.in_(NEEDING), uses)
    return sorted(work.session.scalars(found), reverse=True)


def _templates(work: Work, named: Sequence[Any]) -> list[tuple[str, str, int]]:
    """Id, name and number of the templates whose newest version names it, by name; there are few templates.

    Uses of templates have no message: so they stand apart in the index, however many messages use the file.
    """
    uses = select(FileUse.template_pk).where(*named, FileUse.message_pk.is_(None))
    found = select(Template.id, Template.name, Template.pk).where(
        Template.project_pk == work.project_pk, Template.pk.in_(uses)
    )
    return sorted(
        ((row[0], row[1], row[2]) for row in work.session.execute(found)), key=lambda row: (row[1].casefold(), row[2])
    )


def _past(work: Work, named: Sequence[Any], *, is_one: bool) -> tuple[list[Use], int]:
    """Of one file the newest; of several any, as these are only counted."""
    some = select(FileUse.message_pk).where(*named, FileUse.message_pk.is_not(None)).limit(COUNTED + 1)
    if is_one:
        some = some.order_by(FileUse.message_pk.desc())
    used = list(work.session.scalars(some))
    ended = select(Message.pk).where(Message.pk.in_(used), Message.status.not_in(NEEDING))
    numbers = sorted(work.session.scalars(ended), reverse=True)
    shown = _named(work, numbers[:SHOWN]) if is_one else []
    return shown, COUNTED + 1 if len(used) > COUNTED else len(numbers)


def _named(work: Work, numbers: Sequence[int]) -> list[Use]:
    found = work.session.scalars(select(Message).where(Message.pk.in_(numbers)).order_by(Message.pk.desc()))
    stopped = work.project.stopped_at is not None
    return [
        Use(
            row.id, row.title, row.channel, row.phase(stopped=stopped), _moment_of(row),
            row.status == MessageStatus.DRAFT,
        )
        for row in found
    ]  # fmt: skip


def _moment_of(row: Message) -> datetime:
    is_scheduled = row.status == MessageStatus.SCHEDULED and row.scheduled_at is not None
    return row.scheduled_at if is_scheduled and row.scheduled_at else row.started_at or row.updated_at
