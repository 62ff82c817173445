"""The migration that brings history and detours: going back leaves no delivery in a lane that nobody knows."""

from sqlalchemy import create_engine, text

from app.migrations import downgrade, upgrade

_DELIVERY = (
    "INSERT INTO deliveries (project_pk, message_pk, address, channel, state, reason, attempts, wish_pk,"
    " next_attempt_at, was_uncertain, provider_message_id, created_at, updated_at)"
    " VALUES (1, 1, :address, 'sms', 'queued', '', 0, :wish, 0, false, '', 0, 0)"
)


def test_on_the_way_back_every_delivery_goes_where_it_wished_again(any_database_url: str) -> None:
    engine = create_engine(any_database_url)
    try:
        with engine.begin() as connection:
            for wish in (0, 7):
                connection.execute(
                    text("INSERT INTO detours (project_pk, wish_pk, avoids, only_pk) VALUES (1, :wish, '3', 0)"),
                    {"wish": wish},
                )
            for address, wish in (("plain", 0), ("bound", 7), ("on its way", -1), ("bound, on its way", -2)):
                connection.execute(text(_DELIVERY), {"address": address, "wish": wish})
        downgrade(any_database_url, "0007")
        with engine.begin() as connection:
            rows = connection.execute(text("SELECT address, wish_pk FROM deliveries")).all()
        assert {row.address: row.wish_pk for row in rows} == {
            "plain": 0, "bound": 7, "on its way": 0, "bound, on its way": 7
        }  # fmt: skip
        upgrade(any_database_url)
    finally:
        engine.dispose()
