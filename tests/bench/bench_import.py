"""Import of contacts from a CSV file (I1): tried out and brought in, against inserting the same rows barely."""

import io
import time
from collections.abc import Iterator

from sqlalchemy import text

from app.domain.permissions import Actor, ActorKind, Role, permissions_of
from app.services.people import imports
from app.services.work import Workshop
from tests.bench.bench_fanout import workshop_of_its_own
from tests.bench.measure import Measurement, alternate

OLGA = Actor(ActorKind.MEMBER, "Olga", project_pk=1, pk=1, permissions=permissions_of(frozenset({Role.ADMIN})))
_CONTACTS = """
INSERT INTO contacts (project_pk, id, name, name_key, attributes, is_demo, created_at, updated_at)
VALUES (1, :id, :name, :name, '{"city": "Berlin"}', false, 0, 0)
"""
_TARGETS = """
INSERT INTO targets (project_pk, id, contact_pk, channel, address, address_key, name, created_at, updated_at)
SELECT 1, id, pk, 'email', id || '@example.org', id || '@example.org', '', 0, 0 FROM contacts
"""


def measure(people: int, rounds: int) -> Iterator[Measurement]:
    """I1."""
    print(f"I1   import of {people:,} rows, {rounds} rounds", flush=True)
    ours, yardstick = alternate(rounds, lambda: people / _import(people), lambda: people / _insert(people))
    ratios = [mine / theirs for mine, theirs in zip(ours, yardstick, strict=True)]
    yield Measurement("I1", f"CSV import of {people:,} rows, trial and run", "/s", ours, yardstick, ratios)


def _import(people: int) -> float:
    rows = "".join(f"Person {number},c{number}@example.org,Berlin\n" for number in range(people))
    file = io.BytesIO(f"name,email,city\n{rows}".encode())
    with workshop_of_its_own() as shop:
        began = time.perf_counter()
        row = imports.upload(shop, OLGA, file, "people.csv")
        with shop.open(OLGA) as work:
            imports.check_import(
                work, row.id, row.settings["columns"], separator=";", topics=[],
                existing="update",
            )  # fmt: skip
        imports.run(shop, row.pk)
        with shop.open(OLGA) as work:
            imports.start_import(work, row.id)
        imports.run(shop, row.pk)
        seconds = time.perf_counter() - began
        assert _count(shop) == people
    return seconds


def _insert(people: int) -> float:
    rows = [{"id": f"c{number}", "name": f"person {number}"} for number in range(people)]
    with workshop_of_its_own() as shop:
        began = time.perf_counter()
        with shop.database.begin() as session:
            session.execute(text(_CONTACTS), rows)
            session.execute(text(_TARGETS))
        seconds = time.perf_counter() - began
        assert _count(shop) == people
    return seconds


def _count(shop: Workshop) -> int:
    with shop.database.read() as session:
        return int(session.scalar(text("SELECT count(*) FROM targets")) or 0)
