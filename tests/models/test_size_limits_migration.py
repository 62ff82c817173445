"""The migration that brings size limits: going back leaves no delivery in a lane that nobody knows."""

from sqlalchemy import create_engine, text

from app.migrations import downgrade, upgrade

_DELIVERY = (
    "INSERT INTO deliveries (project_pk, message_pk, address, channel, state, reason, attempts, wish_pk,"
    " next_attempt_at, was_uncertain, provider_message_id, created_at, updated_at)"
    " VALUES (1, 1, :address, 'email', 'queued', '', 0, :wish, 0, false, '', 0, 0)"
)
_DETOUR = "INSERT INTO detours (project_pk, wish_pk, avoids, unfit, only_pk) VALUES (1, :wish, '3', :unfit, 0)"


def test_on_the_way_back_what_somebody_could_not_carry_goes_where_it_wished(any_database_url: str) -> None:
    engine = create_engine(any_database_url)
    try:
        with engine.begin() as connection:
            for wish, unfit in ((0, ""), (0, "small.1"), (7, "small.1,other.2")):  # lanes -1, -2 and -3
                connection.execute(text(_DETOUR), {"wish": wish, "unfit": unfit})
            for wish in (0, 7, -1, -2, -3):
                connection.execute(text(_DELIVERY), {"address": f"lane {wish}", "wish": wish})
        downgrade(any_database_url, "0022")
        with engine.begin() as connection:
            rows = connection.execute(text("SELECT address, wish_pk FROM deliveries")).all()
            left = connection.execute(text("SELECT pk, avoids FROM detours")).all()
        assert {row.address: row.wish_pk for row in rows} == {
            "lane 0": 0, "lane 7": 7, "lane -1": -1, "lane -2": 0, "lane -3": 7
        }  # fmt: skip
        assert [tuple(row) for row in left] == [(1, "3")]
        upgrade(any_database_url)
    finally:
        engine.dispose()
