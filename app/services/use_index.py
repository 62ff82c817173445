"""Keeps the table of who uses which file in step with what messages and templates say, whoever stores them.

It follows what sessions write, as `word_index` does, so that no place that stores a content can forget it. Bulk
statements pass the session's events by; what they write (the history of benches) names no files.
"""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, delete, event, insert, inspect, select
from sqlalchemy.orm import Mapper

from app.domain.content import content_of
from app.domain.content_limits import File as Named
from app.models.files import FileUse
from app.models.messages import Message
from app.models.templates import Template, TemplateVersion


def _write(connection: Connection, project_pk: int, owner: dict[str, int], files: Iterable[Named]) -> None:
    rows = [
        {"project_pk": project_pk, "bucket_id": bucket_id[:36], "file_id": file_id[:36], **owner}
        for bucket_id, file_id in dict.fromkeys(files)
    ]
    if rows:
        connection.execute(insert(FileUse), rows)


def _enter(_mapper: Mapper[Any], connection: Connection, row: Message) -> None:
    _write(connection, row.project_pk, {"message_pk": row.pk}, content_of(row.channel, row.content).files)


def _follow(_mapper: Mapper[Any], connection: Connection, row: Message) -> None:
    """A draft that saves itself every second names the same files nearly every time: then nothing is written."""
    history = inspect(row).attrs.content.history
    if not history.has_changes():
        return
    files = set(content_of(row.channel, row.content).files)
    if history.deleted and files == set(content_of(row.channel, history.deleted[0]).files):
        return
    connection.execute(delete(FileUse).where(FileUse.message_pk == row.pk))
    _write(connection, row.project_pk, {"message_pk": row.pk}, files)


def _enter_version(_mapper: Mapper[Any], connection: Connection, row: TemplateVersion) -> None:
    """What the newest version says is what counts."""
    connection.execute(delete(FileUse).where(FileUse.template_pk == row.template_pk))
    channel = connection.scalar(select(Template.channel).where(Template.pk == row.template_pk))
    if channel is not None:
        files = content_of(channel, row.content).files
        _write(connection, row.project_pk, {"template_pk": row.template_pk}, files)


event.listen(Message, "after_insert", _enter)
event.listen(Message, "after_update", _follow)
event.listen(TemplateVersion, "after_insert", _enter_version)
