"""What people of a long history have written and put in order: files, templates and their versions, plans, a draft."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, text
from sqlalchemy.orm import Session

from app.infra import full_text
from app.models.lints import Lint
from app.models.messages import Message

PLANNED = 60  # messages that are to be sent in the next thirty days, however long the history
_PLANNED_DAYS = 30
_NUMBERS = """(WITH RECURSIVE n(value) AS (SELECT CAST(:first AS BIGINT) UNION ALL SELECT value + 1 FROM n
WHERE value < :last) SELECT value FROM n) AS numbers"""
_BUCKET = """INSERT INTO buckets (project_pk, id, name, description, permissions, file_security, enabled,
maximum_file_size, allowed_extensions, compression, encryption, antivirus, transformations, strip_metadata, is_demo,
words, created_at, updated_at) VALUES (1, 'pictures', 'Pictures', '', '[]', false, true, 30000000, '[]', 'none', false,
true, true, false, false, ' pictures ', :at, :at)"""
_FILES = f"""INSERT INTO files (project_pk, id, bucket_pk, name, name_key, kind, folder, permissions, signature,
mime_type, size_original, size_actual, chunks_total, chunks_uploaded, encryption, compression, store_key, sealed_key,
author, words, created_at, updated_at)
SELECT 1, 'f' || value, b.pk, 'Leaf ' || value || '.png', 'leaf ' || value || '.png',
CASE value % 10 WHEN 0 THEN 'document' WHEN 1 THEN 'other' ELSE 'image' END, '', '[]', '',
CASE value % 10 WHEN 0 THEN 'application/pdf' WHEN 1 THEN 'application/zip' ELSE 'image/png' END,
1000 + value * 7 % 90000, 1000 + value * 7 % 90000, 1, 1, false, 'none', 'k' || value, '', '',
' f' || value || ' leaf ' || value || ' png ', :at, :at FROM buckets b, {_NUMBERS} WHERE b.id = 'pictures'"""
_TEMPLATES = f"""INSERT INTO templates (project_pk, id, channel, name, name_key, version, author_name, editor_name,
is_demo, words, created_at, updated_at) SELECT 1, 'template' || value,
CASE value % 3 WHEN 0 THEN 'email' WHEN 1 THEN 'sms' ELSE 'push' END, 'Layout ' || value, 'layout ' || value,
CASE value WHEN 0 THEN :last + 1 ELSE 1 END, 'Olga', 'Olga', false,
' template' || value || ' layout ' || value || ' ', :at, :at + value FROM {_NUMBERS}"""
_CONTENT = """CASE t.channel WHEN 'email' THEN
'{"subject": "News", "preheader": "", "format": "markdown", "body": "Hello {{ name | there }}, number ' || value || '"}'
WHEN 'sms' THEN '{"text": "Hello ' || value || '"}' ELSE '{"title": "News", "body": "Hello ' || value || '"}' END"""
# One version of each, and as many of the first as there are templates; a tenth of all messages began with that.
_VERSIONS = f"""INSERT INTO template_versions (project_pk, template_pk, number, content, note, author_name, at)
SELECT 1, t.pk, CASE t.id WHEN 'template0' THEN value + 1 ELSE 1 END, CAST({_CONTENT} AS JSON_TYPE), '', 'Olga', :at
FROM templates t JOIN {_NUMBERS} ON t.id = 'template0' OR t.id = 'template' || value ORDER BY t.pk, value"""
_MADE = """UPDATE messages SET template_pk = (SELECT pk FROM templates WHERE id = 'template0'), template_version = 1
WHERE pk % 10 = 0"""
_USES = """INSERT INTO file_uses (project_pk, bucket_id, file_id, message_pk)
SELECT 1, 'pictures', 'f0', pk FROM messages WHERE pk % 10 = 1"""
# As the look at a draft leaves it (`domain.lint_findings`): nobody of a long history has a city.
_FOUND = {"worst": {"longest": [30, "tc0"], "emptiest": [1, "tc1"]}, "segments": {}, "filled": ["name"]}
_EMAIL = {"subject": "News for {{ name }}", "preheader": "", "format": "markdown", "body": "Hello {{ city }}"}


def fill(connection: Connection, files: int, templates: int, at: int) -> None:
    """That many files of one bucket, and templates; messages are there already and have used some of both.

    `at` is the moment of all of them, in milliseconds since 1970.
    """
    connection.execute(text(_BUCKET), {"at": at})
    connection.execute(text(_FILES), {"first": 0, "last": files - 1, "at": at})
    json = "JSONB" if connection.dialect.name == "postgresql" else "TEXT"
    for statement in (_TEMPLATES, _VERSIONS.replace("JSON_TYPE", json)):
        connection.execute(text(statement), {"first": 0, "last": templates - 1, "at": at})
    connection.execute(text(_MADE))
    connection.execute(text(_USES))


def write_plans(session: Session, people: int, files: int, now: datetime) -> None:
    """What is planned, and a draft to everybody that was looked at; and the words of files into the index."""
    full_text.enter(session, "files", 1, files)
    for number in range(PLANNED):
        at = now + timedelta(days=_PLANNED_DAYS) * (number + 1) / PLANNED
        session.add(_message(f"plan{number}", f"Plan {number}", now, status="scheduled", scheduled_at=at,
                             scheduled_wall=f"{at:%Y-%m-%dT%H:%M}", scheduled_zone="UTC"))  # fmt: skip
    draft = _message("draft", "News of tomorrow", now, status="draft")
    session.add(draft)
    session.flush()
    session.add(
        Lint(
            message_pk=draft.pk, project_pk=1, version=1, state="done", due_at=now, begun_at=now, seen_at=now,
            total=people, checked=people, findings=_FOUND | {"found": [["missing", "city", people, ["tc0"], ""]]},
        )
    )  # fmt: skip


def _message(id: str, title: str, now: datetime, **columns: Any) -> Message:
    return Message(
        project_pk=1, id=id, channel="email", title=title, title_key=title.casefold(), content=_EMAIL,
        audience={"topics": ["all"], "contacts": [], "targets": []}, author_name="Olga", editor_name="Olga",
        created_at=now, updated_at=now, **columns,
    )  # fmt: skip
