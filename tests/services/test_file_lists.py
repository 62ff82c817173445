"""Lists of files and who uses them, among many: found through indexes, on each sort of database."""

import os
import time
from collections.abc import Callable, Iterator
from itertools import product
from typing import Any

import pytest
from sqlalchemy import text

from app.domain.permissions import Actor
from app.infra import full_text
from app.models.files import Bucket, File
from app.services.lists.listing import Cursor
from app.services.storage import file_deletion, file_lists, file_uses
from app.services.storage.buckets import BucketRules, create_bucket
from app.services.storage.file_lists import SORTS, FileFilter
from app.services.work import Work, Workshop
from tests.services.test_list_plans import faults_of
from tests.statements import heard

FILES = int(os.environ.get("LONG_BUCKET", "30000"))  # more, to measure by hand: it prints how long each takes
FEW = 60
_NUMBERS = "WITH RECURSIVE n(value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM n WHERE value < :last)"
_MANY = """INSERT INTO files (project_pk, id, bucket_pk, name, name_key, kind, folder, permissions, signature,
mime_type, size_original, size_actual, chunks_total, chunks_uploaded, encryption, compression, store_key, sealed_key,
author, words, created_at, updated_at) {numbers} SELECT 1, :prefix || value, :bucket, 'Bell ' || value % 5000 || '.png',
'bell ' || value % 5000 || '.png', CASE WHEN value % 500 = 0 THEN 'document' ELSE 'image' END, '', '[]', '',
'image/png', value % 1000, value % 1000, 1, 1, false, 'none', 'x', '', '',
' ' || :prefix || value || ' bell ' || value % 5000 || ' png ', 0, 0 FROM n"""
_MESSAGES = """INSERT INTO messages (project_pk, id, channel, title, title_key, content, audience, status, version,
author_name, editor_name, scheduled_wall, scheduled_zone, fan_out_cursor, waiting_reason, is_demo, words, created_at,
updated_at) {numbers} SELECT 1, 'm' || value, 'email', 'M', 'm', '{{}}', '{{}}',
CASE WHEN value % 1000 = 0 THEN 'draft' ELSE 'sent' END, 1, '', '', '', '', 0, '', false, '', 0, 0 FROM n"""
_USES = """INSERT INTO file_uses (project_pk, bucket_id, file_id, message_pk)
SELECT 1, 'many', 'many' || CASE WHEN pk % 2 = 0 THEN 1 ELSE pk END, pk FROM messages"""


@pytest.fixture
def long(any_workshop: Workshop, actor: Actor) -> Workshop:
    """One bucket of many files and one of few, and as many messages as files; every second uses the same file."""
    shop = any_workshop
    with shop.open(actor) as work:
        for name in ("many", "few"):
            create_bucket(work, BucketRules(name), bucket_id=name)
    with shop.database.begin() as session:
        for prefix, bucket, last in (("many", 1, FILES), ("few", 2, FEW)):
            session.execute(text(_MANY.format(numbers=_NUMBERS)), {"prefix": prefix, "bucket": bucket, "last": last})
        full_text.enter(session, "files", 1, FILES + FEW)
        session.execute(text(_MESSAGES.format(numbers=_NUMBERS)), {"last": FILES})
        session.execute(text(_USES))
    with shop.database.connect() as connection:
        connection.execute(text("ANALYZE"))
    return shop


def held(work: Work, bucket_id: str) -> Bucket:
    return file_lists.card_of(work, bucket_id).bucket


def listing(bucket_id: str, wanted: FileFilter, **edge: str) -> Callable[[Work], Any]:
    return lambda work: file_lists.list_files(work, held(work, bucket_id), wanted, **edge)


def waiting(bucket_id: str) -> Callable[[Work], Any]:
    return lambda work: file_lists.pending_in(work, held(work, bucket_id))


def every_list() -> Iterator[tuple[str, Callable[[Work], Any]]]:
    places = {"newest": "9000", "name": "9000~bell 4000.png", "size": "9000~500"}
    for bucket_id in ("many", "few"):
        for sort, kind, edge in product(SORTS, ("", "document"), ("", "after", "before")):
            wanted = FileFilter(kind=kind, sort=sort)
            yield f"{bucket_id} {wanted} {edge}", listing(bucket_id, wanted, **({edge: places[sort]} if edge else {}))
        for search in ("bell", "471", "bell 4711", "many471"):
            yield f"{bucket_id} {search}", listing(bucket_id, FileFilter(search))
        yield f"{bucket_id} pending", waiting(bucket_id)
    yield "all buckets", lambda work: file_lists.list_buckets(work, Cursor())
    yield "who uses a file", lambda work: file_uses.uses_of(work, "many", ["many9"])
    yield "who uses what everybody uses", lambda work: file_uses.uses_of(work, "many", ["many1"])
    yield "used how often", lambda work: file_uses.counts_of(work, "many", [f"many{each}" for each in range(50)])
    yield "a bucket's deletion", lambda work: file_deletion.loss_of_bucket(work, "many")


def test_no_list_of_files_is_found_by_reading_or_sorting_all_of_it(long: Workshop, actor: Actor) -> None:
    found: list[str] = []
    for name, show in every_list():
        with heard() as asked, long.read(actor) as work:
            begun = time.process_time(), time.perf_counter()
            show(work)
            spent = time.process_time() - begun[0], time.perf_counter() - begun[1]
        print(f"{spent[0] * 1000:7.1f} ms CPU {spent[1] * 1000:7.1f} ms  {name}")
        for statement, parameters in asked:
            if is_long(statement) and (faults := faults_of(long, statement, parameters)):
                found.append(f"{name}: {faults}\n    {statement}")
    assert not found, "\n".join(found)


def is_long(statement: str) -> bool:
    """What is counted is read out of an index alone, and but for a deletion no further than a limit."""
    return not ("sum(" in statement or "count(" in statement)


def test_what_everybody_uses_is_named_and_counted_up_to_a_thousand(long: Workshop, actor: Actor) -> None:
    with long.read(actor) as work:
        uses = file_uses.uses_of(work, "many", ["many1"])
    assert (uses.needing_total, len(uses.needing)) == (FILES // 1000, min(20, FILES // 1000))
    assert uses.past_total == file_uses.COUNTED + 1
    assert len(uses.past) == 20


def test_walking_all_pages_meets_each_file_once_in_its_order(long: Workshop, actor: Actor) -> None:
    with long.read(actor) as work:
        for sort in SORTS:
            seen: list[File] = []
            after: str | None = ""
            while after is not None:
                page = file_lists.list_files(work, held(work, "few"), FileFilter(sort=sort), after=after)
                seen += page.items
                after = page.older
            assert len({row.pk for row in seen}) == len(seen) == FEW
            ordered: list[Any] = [_place(row, sort) for row in seen]
            assert ordered == sorted(ordered)


def _place(row: File, sort: str) -> tuple[Any, ...]:
    places = {"newest": (-row.pk,), "name": (row.name_key, row.pk), "size": (-row.size_original, -row.pk)}
    return places[sort]
