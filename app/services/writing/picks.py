"""What the file picker of a message offers: which files fit, which are chosen already, and how much that is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import and_, func, or_, select

from app.domain.content import Content, EmailContent, PushContent, content_of
from app.domain.content_limits import File as Named
from app.domain.errors import Conflict
from app.models.files import Bucket, File
from app.models.messages import Message
from app.services.messages import messages
from app.services.messages.message_files import IMAGE_TYPES, INLINE_TYPES
from app.services.work import Work

USES = ("attachment", "inline", "image")
LARGEST_PUSH_IMAGE = 1_000_000  # bytes that Android fetches for a notification
_FITTING: Mapping[str, tuple[frozenset[str], str]] = {  # an attachment may be anything
    "inline": (INLINE_TYPES, "Email programs show JPEG, PNG, GIF and WebP."),
    "image": (IMAGE_TYPES, "A push shows JPEG, PNG or BMP."),
}


@dataclass(frozen=True, slots=True)
class Picks:
    """A draft and what of one use it has chosen: pairs of bucket and file, and their bytes together.

    `most` is how many fit; 0 where one takes the place of the other.
    """

    message: Message
    use: str
    chosen: Sequence[Named]
    bytes: int
    most: int


def picks_of(work: Work, message_id: str, use: str) -> Picks:
    """What is chosen by now. Conflict for a message that is no draft, or whose channel has no such use."""
    work.require("messages.write")
    message = messages.find(work, message_id)
    messages.require_draft(message)
    chosen = _chosen(content_of(message.channel, message.content), use)
    most = EmailContent.MAX_ATTACHMENTS if use == "attachment" else 0
    return Picks(message, use, chosen, _size_of(work, chosen), most)


def _chosen(content: Content, use: str) -> Sequence[Named]:
    match content, use:
        case EmailContent(), "attachment":
            return content.attachments
        case EmailContent(), "inline":
            return content.images
        case PushContent(), "image":
            return content.files
        case _:
            raise Conflict("This message takes no files of that use. Open it and choose again.")


def _size_of(work: Work, chosen: Sequence[Named]) -> int:
    if not chosen:
        return 0
    named = or_(*(and_(Bucket.id == bucket_id, File.id == file_id) for bucket_id, file_id in chosen))
    summed = select(func.sum(File.size_original)).join(Bucket, Bucket.pk == File.bucket_pk)
    return int(work.session.scalar(summed.where(Bucket.project_pk == work.project_pk, named)) or 0)


def types_for(use: str) -> frozenset[str]:
    """The MIME types that can be used so; empty when all can."""
    return _FITTING.get(use, (frozenset(), ""))[0]


def why_not(row: File, use: str) -> str:
    """Why this file cannot be used so, in a sentence; empty when it can."""
    types, sentence = _FITTING.get(use, (frozenset({row.mime_type}), ""))
    return "" if row.mime_type in types else sentence


def doubt_of(row: File, use: str) -> str:
    """What may go wrong though it can be used, in a sentence; empty for nothing."""
    return "Android shows no image over 1 MB." if use == "image" and row.size_original > LARGEST_PUSH_IMAGE else ""
