"""A project with long lists, made quickly by SQL: contacts, each with an address in one topic, messages and files."""

import json
from typing import Any

from sqlalchemy import text

from app.domain.words import words_of
from app.infra import full_text
from app.services.work import Workshop

FIRST = ("Ada", "Björn", "Carla", "Dmitri", "Élodie", "Fatima", "Goran", "Hana", "Ivo", "Jana")
_CONTACTS = """INSERT INTO contacts (project_pk, id, name, name_key, attributes, is_demo, words, created_at,
updated_at) VALUES (1, :id, :name, :key, '{}', false, :words, :at, :at)"""
_TARGETS = """INSERT INTO targets (project_pk, id, contact_pk, channel, address, address_key, name, created_at,
updated_at) SELECT 1, 't' || id, pk, 'email', id || '@example.org', id || '@example.org', '', created_at, created_at
FROM contacts"""
_TOPIC = """INSERT INTO topics (project_pk, id, name, description, subscribe, email_total, sms_total, push_total,
is_demo, created_at, updated_at) VALUES (1, 'all', 'All', '', '["users"]', :people, 0, 0, false, 0, 0)"""
_SUBSCRIBERS = """INSERT INTO subscribers (project_pk, id, topic_pk, target_pk, created_at, updated_at)
SELECT 1, 's' || id, 1, pk, created_at, created_at FROM targets"""
_MESSAGES = """INSERT INTO messages (project_pk, id, channel, title, title_key, content, audience, status, version,
author_name, editor_name, scheduled_wall, scheduled_zone, fan_out_cursor, waiting_reason, is_demo, words, created_at,
updated_at) SELECT 1, 'm' || id, 'email', name, name_key, '{}', '{}', CASE WHEN pk % 500 = 0 THEN 'failed' ELSE 'sent'
END, 1, '', '', '', '', 0, '', false, words, created_at, created_at FROM contacts"""
_BUCKET = """INSERT INTO buckets (project_pk, id, name, description, permissions, file_security, enabled,
maximum_file_size, allowed_extensions, compression, encryption, antivirus, transformations, strip_metadata, words,
created_at, updated_at) VALUES (1, 'all', 'All', '', '[]', false, true, 1, '[]', 'none', false, false, false, false,
' all ', 0, 0)"""
_FILES = """INSERT INTO files (project_pk, id, bucket_pk, name, folder, permissions, signature, mime_type,
size_original, size_actual, chunks_total, chunks_uploaded, encryption, compression, store_key, sealed_key, author,
words, created_at, updated_at) SELECT 1, 'f' || id, 1, name || '.txt', '', '[]', '', '', 1, 1, 1, 1, false, 'none',
'', '', '', words, created_at, created_at FROM contacts"""
_STEP = 50_000


def q(method: str, attribute: str = "", *values: Any) -> str:
    """A query as the SDKs write it."""
    return json.dumps({"method": method, "attribute": attribute, "values": list(values)})


def fill(shop: Workshop, people: int, *, only_contacts: bool = False) -> None:
    """`people` contacts named First Last<number>, with ids c0, c1, …, one made each tenth of a second."""
    with shop.database.begin() as session:
        for start in range(0, people, _STEP):
            session.execute(text(_CONTACTS), [_person(number) for number in range(start, min(start + _STEP, people))])
        session.execute(text(_TARGETS))
        session.execute(text(_TOPIC), {"people": people})
        session.execute(text(_SUBSCRIBERS))
        full_text.enter(session, "contacts", 1, people)
        for name, statement in () if only_contacts else (("messages", _MESSAGES), ("files", _BUCKET + ";" + _FILES)):
            for one in statement.split(";"):
                session.execute(text(one))
            full_text.enter(session, name, 1, people)
    with shop.database.connect() as connection:
        connection.execute(text("ANALYZE"))


def _person(number: int) -> dict[str, object]:
    name = f"{FIRST[number * 7 % 10]} Last{number % 5_000}"
    words = words_of(f"c{number}", name, f"c{number}@example.org")
    return {"id": f"c{number}", "name": name, "key": name.casefold(), "words": words, "at": 10**12 + number * 100}
