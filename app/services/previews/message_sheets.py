"""A message laid out for reading: as its first recipient gets it, who is in copy, and what travels with it."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import select

from app.domain.content import Content, EmailContent, content_of
from app.models.messages import Message
from app.models.targets import Target
from app.services.messages import message_files
from app.services.previews import preview
from app.services.previews.preview import Preview
from app.services.work import Work

GONE = "deleted"


@dataclass(frozen=True, slots=True)
class Sheet:
    """What the message page shows of a message's content. `preview` is None for an email: a frame shows that.

    `cc`, `bcc` and `emails` are addresses; `files` and `images` (which the body of an email shows) are names, in the
    order of the content, of which so many are `gone` from storage.
    """

    content: Content
    preview: Preview | None
    cc: list[str] = field(default_factory=list)
    bcc: list[str] = field(default_factory=list)
    emails: list[str] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    images: list[str] = field(default_factory=list)
    gone: int = 0


def lay_out_sheet(work: Work, message: Message) -> Sheet:
    """The sheet of a message that was found."""
    work.require("messages.read")
    content = content_of(message.channel, message.content)
    shown = None if isinstance(content, EmailContent) else preview.preview(work, message)
    audience = message.audience
    travelling = content.enclosed if isinstance(content, EmailContent) else [(file, "") for file in content.files]
    known = message_files.names_of(work, [file for file, _ in travelling])
    names = [(known.get(file, f"{file[1]} ({GONE})"), bool(content_id)) for file, content_id in travelling]
    return Sheet(
        content, shown, _addresses(work, audience.get("cc", ())), _addresses(work, audience.get("bcc", ())),
        list(audience.get("emails", ())), [name for name, is_shown in names if not is_shown],
        [name for name, is_shown in names if is_shown], sum(file not in known for file, _ in travelling),
    )  # fmt: skip


def _addresses(work: Work, ids: Sequence[str]) -> list[str]:
    if not ids:
        return []
    rows = work.session.execute(
        select(Target.id, Target.address).where(Target.project_pk == work.project_pk, Target.id.in_(ids))
    )
    known = {row.id: row.address for row in rows}
    return [known.get(public_id, f"{public_id} ({GONE})") for public_id in ids]
