"""Files of the demo story: a bucket with two pictures and a concert's programme, and the drafts that show them."""

from dataclasses import replace
from pathlib import Path

import structlog
from sqlalchemy import delete, func, select

from app.domain.content import Content, EmailContent, PushContent, content_of
from app.infra.settings import ROOT
from app.models.files import Bucket, File, FileUse
from app.models.messages import Message
from app.services.storage import buckets, uploads
from app.services.storage.buckets import BucketRules
from app.services.storage.upload_admission import Incoming, admit
from app.services.work import Work
from app.storage import open_store
from app.storage.contents import read_stream, write_contents

SAMPLES = ROOT / "static" / "sample"
POSTER, TOWER, PROGRAMME = "candlelight-concert", "tower-at-dusk", "programme"  # their ids
_NAMES = {TOWER: "tower-at-dusk.jpg", PROGRAMME: "programme.pdf", POSTER: "candlelight-concert.jpg"}
_RULES = BucketRules(
    "Concerts", description="Posters and programmes of the season.", maximum_file_size=5 * 1024 * 1024,
    allowed_extensions=("jpg", "jpeg", "png", "pdf"),
)  # fmt: skip
_POSTER = "![Candles under five bells: candlelight concert, four composers, 47 bells](cid:candlelight-concert)"
_GREETING = ",\n\n"  # behind it the poster is shown
log = structlog.get_logger(__name__)


def add(work: Work) -> None:
    """Add the bucket with its files (90 KB in all), and put them into two drafts of the story, which must be there.

    A file store that is away leaves the story without them.
    """
    try:
        with work.session.begin_nested():
            bucket = _fill(work)
    except OSError as error:  # whatever the store is
        log.warning("The sample files were left out, because the file store is away", error=str(error))
        return
    drafts = select(Message).where(
        Message.project_pk == work.project_pk, Message.is_demo.is_(True), Message.started_at.is_(None)
    )
    for draft in work.session.scalars(drafts):
        content = content_of(draft.channel, draft.content)
        shown = _with_files(content, bucket.id)
        if shown != content:
            draft.content = shown.to_json()
    work.session.flush()


def _fill(work: Work) -> Bucket:
    bucket = buckets.create_bucket(work, _RULES)
    bucket.is_demo = True
    for file_id, name in _NAMES.items():
        with Path(SAMPLES / name).open("rb") as stream:
            admission = admit(work, Incoming(bucket.id, stream, name, file_id=file_id, permissions=()))
            written = write_contents(open_store(work.settings), read_stream(stream), admission.plan)
        uploads.complete(work, admission.row, written)
    return bucket


def _with_files(content: Content, bucket_id: str) -> Content:
    """What the drafts of the concerts say, with the files; any other content as it is."""
    match content:
        case EmailContent(subject="Candlelight concert: the programme"):
            return replace(
                content, body=content.body.replace(_GREETING, f"{_GREETING}{_POSTER}\n\n", 1),
                images=((bucket_id, POSTER),), attachments=((bucket_id, PROGRAMME),),
            )  # fmt: skip
        case PushContent(tag="dusk"):
            return replace(content, image=(bucket_id, TOWER))
        case _:
            return content


def remove(work: Work) -> int:
    """Take the story's buckets away, after its messages and templates; how many went.

    One stays, as an ordinary one, while it holds a file of your own, or something of yours shows one of its files.
    """
    gone = 0
    found = select(Bucket).where(Bucket.project_pk == work.project_pk, Bucket.is_demo.is_(True))
    for bucket in work.session.scalars(found.with_for_update()).all():
        if _is_needed(work, bucket):
            bucket.is_demo = False
            continue
        buckets.leave_behind(work, f"buckets/{bucket.pk}", f"previews/{bucket.pk}")
        work.session.execute(delete(Bucket).where(Bucket.pk == bucket.pk))
        gone += 1
    return gone


def _is_needed(work: Work, bucket: Bucket) -> bool:
    own = select(func.count()).where(File.bucket_pk == bucket.pk, File.id.not_in(_NAMES))
    used = select(func.count()).where(FileUse.project_pk == work.project_pk, FileUse.bucket_id == bucket.id)
    return bool(work.session.scalar(own) or work.session.scalar(used))
