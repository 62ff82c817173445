"""The migration that takes names and addresses of contacts out of the trail, and leaves everything else in it."""

from typing import Any

from sqlalchemy import create_engine, select

from app.migrations import downgrade, upgrade
from app.models.audit import AuditEntry
from tests.conftest import START

_OLD: tuple[tuple[str, str, str, dict[str, Any]], ...] = (
    ("contact.create", "key", "Shop", {"name": "Ann Archer", "targets": 1}),
    ("contact.update", "contact", "Ann Archer", {"may_sign_in": False}),
    ("topic.create", "member", "Olga", {"name": "News"}),
    ("suppression.lift", "member", "Olga", {"channel": "email", "address": "ann@example.org"}),
    ("suppression.lift", "member", "Olga", {"channel": "sms", "address": "+491701234567"}),
)


def test_what_older_entries_tell_of_contacts_goes_and_the_rest_stays(any_database_url: str) -> None:
    engine = create_engine(any_database_url)
    table = AuditEntry.__table__
    try:
        downgrade(any_database_url, "0024")
        with engine.begin() as connection:
            for event, kind, name, details in _OLD:
                connection.execute(
                    table.insert().values(  # type: ignore[attr-defined] # a table, whatever its type says
                        at=START, event=event, resource="thing/x", actor_kind=kind, actor_pk=1, actor_name=name, ip="",
                        user_agent="", details=details,
                    )
                )  # fmt: skip
        upgrade(any_database_url)
        with engine.connect() as connection:
            rows = connection.execute(select(table.c.actor_name, table.c.details).order_by(table.c.pk)).all()
    finally:
        engine.dispose()
    assert [(row.actor_name, row.details) for row in rows] == [
        ("Shop", {"targets": 1}),
        ("", {"may_sign_in": False}),
        ("Olga", {"name": "News"}),
        ("Olga", {"channel": "email", "address": "a…@example.org"}),
        ("Olga", {"channel": "sms", "address": "+49…67"}),
    ]
