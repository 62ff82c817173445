"""The migration that brings words: rows that are there already are found afterwards, and ids are told apart."""

from sqlalchemy import create_engine, text

from app.migrations import downgrade, upgrade

_ROWS = (
    "INSERT INTO projects (id, name, time_zone, created_at, updated_at) VALUES ('p', 'P', 'UTC', 0, 0)",
    "INSERT INTO contacts (project_pk, id, name, name_key, attributes, is_demo, labels, created_at, updated_at)"
    " VALUES (1, 'c-1', 'José', 'josé', '{}', false, '[\"vip\"]', 0, 0)",
    "INSERT INTO targets (project_pk, id, contact_pk, channel, address, address_key, name, created_at, updated_at)"
    " VALUES (1, 't', 1, 'email', 'jo@example.org', 'jo@example.org', '', 0, 0)",
    "INSERT INTO topics (project_pk, id, name, description, subscribe, email_total, sms_total, push_total, is_demo,"
    " created_at, updated_at) VALUES (1, 'n', 'News', 'of town', '[]', 0, 0, 0, false, 0, 0)",
)


_IN_TWO_TOPICS = (
    "INSERT INTO topics (project_pk, id, name, description, subscribe, email_total, sms_total, push_total, is_demo,"
    " created_at, updated_at) VALUES (1, 'm', 'More', '', '[]', 0, 0, 0, false, 0, 0)",
    "INSERT INTO subscribers (project_pk, id, topic_pk, target_pk, created_at, updated_at) VALUES"
    " (1, 'twice', 1, 1, 0, 0), (1, 'twice', 2, 1, 0, 0)",
)


def test_an_id_that_two_topics_gave_stays_with_the_first(any_database_url: str) -> None:
    downgrade(any_database_url, "0004")
    engine = create_engine(any_database_url)
    try:
        with engine.begin() as connection:
            for row in (*_ROWS, *_IN_TWO_TOPICS):
                connection.execute(text(row))
        upgrade(any_database_url)
        with engine.begin() as connection:
            ids = connection.scalars(text("SELECT id FROM subscribers ORDER BY pk")).all()
        assert ids == ["twice", "twice-2"]
    finally:
        engine.dispose()


def test_rows_that_were_there_get_their_words(any_database_url: str) -> None:
    downgrade(any_database_url, "0004")
    engine = create_engine(any_database_url)
    try:
        with engine.begin() as connection:
            for row in _ROWS:
                connection.execute(text(row))
        upgrade(any_database_url)
        with engine.begin() as connection:
            assert connection.scalar(text("SELECT words FROM contacts")) == " c 1 jose label vip jo example org "
            assert connection.scalar(text("SELECT words FROM topics")) == " n news of town "
            if engine.dialect.name == "sqlite":
                found = 'SELECT rowid FROM contacts_words WHERE contacts_words MATCH \'"1xvip" AND "1xjos"*\''
                assert connection.scalars(text(found)).all() == [1]
    finally:
        engine.dispose()
