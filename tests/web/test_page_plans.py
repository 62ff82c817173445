"""How SQLite finds what pages show: by an index, without looking at or sorting all of a long list.

It plans without knowing how long its lists are, so a few thousand deliveries tell. PostgreSQL plans by their length:
the benchmark P6p measures it over ten million.
"""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest

from app.factory import create_app
from app.infra.settings import Settings
from app.models.base import Base
from app.services.work import Workshop
from tests.bench.bench_pages import PAGES, TOKEN, Ground, look_at
from tests.bench.long_history import Size, fill
from tests.conftest import SECRET, FakeClock, open_workshop
from tests.factories import make_provider
from tests.faults.story import OLGA
from tests.statements import heard
from tests.web.conftest import sign_in

LONG = {
    "deliveries",
    "attempts",
    "feedback_events",
    "contacts",
    "targets",
    "subscribers",
    "messages",
    "provider_periods",
    "files",
    "file_uses",
    "templates",
    "template_versions",
}
OF_FEW = {  # indexes of what waits or is held, and is forgotten by them afterwards
    index.name
    for table in Base.metadata.tables.values()
    for index in table.indexes
    if index.dialect_options["sqlite"]["where"] is not None
}
# What is sent now, what belongs to one, the people of a small topic (`contact_search.SMALL_TOPIC`), and a page of
# people that was cut out of the audience before (`engine.audience`).
SHORT = (
    "messages.status = ?", "delivery_pk = ?", "contact_pk = ?", "coalesce(contacts.project_pk, ?)",
    "coalesce(targets.project_pk, ?)", ") AS anon_1 ON anon_1.target_pk = targets.pk",
)  # fmt: skip
SIZE = Size(600, 60)


@pytest.fixture
def shop(tmp_path: Path, valkey: str, empty_database: Path, clock: FakeClock) -> Iterator[Workshop]:
    """A project on SQLite with a past of six thousand deliveries."""
    shutil.copy(empty_database, tmp_path / "carillon.sqlite3")
    settings = Settings(data_dir=tmp_path, redis_url=valkey, secret_keys=SECRET, metrics_token=TOKEN)
    for shop in open_workshop(settings, clock):
        with shop.open(OLGA) as work:
            for name in ("One", "Two", "Spare"):
                make_provider(work, name=name)
        fill(shop, SIZE, clock.now())
        yield shop


@pytest.fixture
def ground(shop: Workshop) -> Ground:
    """Olga, who looks at it."""
    app = create_app(shop.settings, workshop=shop)
    return look_at(shop, sign_in(app, shop, "olga@acme.example", "admin").raw, SIZE)


def faults_of(shop: Workshop, statement: str, parameters: Any) -> list[str]:
    """The steps of its plan that cost more, the longer a list is."""
    with shop.database.connect() as connection:
        steps = [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)]
    scans = [
        step for step in steps
        if step.startswith("SCAN") and step.split()[1] in LONG and step.split()[-1] not in OF_FEW
    ]  # fmt: skip
    first = re.search(r"FROM (\w+)", statement)
    is_long = first is not None and first[1] in LONG and not any(part in statement for part in SHORT)
    return scans + [step for step in steps if is_long and step == "USE TEMP B-TREE FOR ORDER BY"]


def test_no_page_reads_or_sorts_all_of_a_long_list(shop: Workshop, ground: Ground) -> None:
    found = []
    for page, address in PAGES.items():
        with heard() as asked:
            ground.seconds(address(ground, Random(page)))
        assert asked, f"{page} asked for nothing"
        for statement, parameters in dict(asked).items():
            if statement.startswith(("SELECT", "WITH")) and (faults := faults_of(shop, statement, parameters)):
                found.append(f"{page}: {faults}\n    {statement}")
    assert not found, "\n".join(found)
