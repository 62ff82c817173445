"""Buckets and files: who may do what with them, which are listed, and what is left in the store when they are gone."""

import io
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest

from app.domain.byte_ranges import CHUNK
from app.domain.errors import AppError, Conflict, Forbidden, Invalid, NotFound, TooMany, Unavailable
from app.domain.list_query import parse_queries
from app.domain.permissions import Actor, ActorKind
from app.domain.row_permissions import gather
from app.infra.settings import Settings
from app.infra.vault import Vault
from app.models.audit import AuditEntry
from app.models.files import FileChunk, FileReader, Leftover
from app.services.programs import shelves
from app.services.programs.shelves import Wish
from app.services.storage import buckets, file_links, file_sweeps, files, uploads
from app.services.storage.buckets import BucketRules
from app.services.storage.upload_admission import Incoming
from app.services.work import Workshop
from app.storage import open_store
from tests.conftest import SECRET, START, FakeClock, open_workshop

ALL = frozenset({"files.read", "files.write"})
GUEST = Actor(ActorKind.GUEST, "", 1, None, ALL, roles=frozenset({"any", "guests"}))
ANN = Actor(ActorKind.CONTACT, "Ann", 1, 7, ALL, roles=frozenset({"any", "users", "user:ann"}))
BOB = Actor(ActorKind.CONTACT, "Bob", 1, 8, ALL, roles=frozenset({"any", "users", "user:bob"}))
KEY = Actor(ActorKind.KEY, "Shop", 1, 1, ALL)
NONE = Wish(parse_queries([], {}))


def make_bucket(shop: Workshop, *permissions: str, file_security: bool = False, **rules: Any) -> None:
    with shop.open(KEY) as work:
        made = BucketRules("B", permissions=permissions, file_security=file_security, **rules)
        buckets.create_bucket(work, made, bucket_id="b")


def put(shop: Workshop, actor: Actor = KEY, id: str = "f", content: bytes = b"hello", **more: Any) -> Any:
    return uploads.receive(shop, actor, Incoming("b", io.BytesIO(content), "a.txt", id, **more)).row


@contextmanager
def outcome(noted: list[str]) -> Iterator[None]:
    """What came of it: `ok`, or the type of the error."""
    try:
        yield
        noted.append("ok")
    except AppError as error:
        noted.append(error.type)


def act(shop: Workshop, actor: Actor, action: str) -> str:
    """Try it with the file f."""
    noted: list[str] = []
    with outcome(noted):
        if action == "create":
            put(shop, actor, id="unique" + (actor.name or "guest"), permissions=[])
        else:
            with shop.open(actor) as work:
                _ACTS[action](work)
    return noted[0]


_ACTS: dict[str, Callable[[Any], object]] = {
    "read": lambda work: files.find_file(work, "b", "f"),
    "list": lambda work: [row.id for row in shelves.list_files(work, "b", NONE).rows],
    "update": lambda work: files.update_file(work, "b", "f", name="x"),
    "delete": lambda work: files.delete_file(work, "b", "f"),
}
OK, NO, GONE = "ok", "user_unauthorized", "storage_file_not_found"


@pytest.mark.parametrize("role", ["any", "guests", "users", "user:ann"])
@pytest.mark.parametrize("place", ["bucket", "file", "file without security", "nowhere"])
@pytest.mark.parametrize("action", ["create", "read", "update", "delete"])
def test_each_caller_may_do_what_bucket_or_file_lets_them(
    workshop: Workshop, action: str, place: str, role: str
) -> None:
    permission = f'{action}("{role}")'
    make_bucket(workshop, *([permission] if place == "bucket" else []), file_security=place == "file")
    of_file = [permission] if place.startswith("file") and action != "create" else []
    for actor in (GUEST, BOB, ANN, KEY):
        if act(workshop, KEY, "read") == GONE:
            put(workshop, permissions=of_file)
        holds = role in actor.roles
        if actor is KEY or (place == "bucket" and holds) or (of_file and place == "file" and holds):
            expected = OK
        else:
            expected = GONE if action == "read" and place == "file" else NO
        assert act(workshop, actor, action) == expected, actor


def test_write_stands_for_create_update_and_delete(workshop: Workshop) -> None:
    make_bucket(workshop, 'write("users")')
    put(workshop)
    assert [act(workshop, ANN, action) for action in ("create", "read", "update", "delete")] == [OK, NO, OK, OK]
    assert gather(['write("any")', 'read("any")', 'update("any")'], ("update", "delete")) == [
        'update("any")', 'delete("any")', 'read("any")',
    ]  # fmt: skip


def test_a_list_holds_what_its_reader_may_read(any_workshop: Workshop) -> None:
    shop = any_workshop
    make_bucket(shop, file_security=True)
    put(shop, id="a", permissions=['read("any")'])
    put(shop, id="m", permissions=['read("user:ann")', 'read("users")'])
    put(shop, id="n", permissions=[])

    def listed(actor: Actor) -> tuple[list[str], int]:
        with shop.read(actor) as work:
            found = shelves.list_files(work, "b", NONE)
            return [row.id for row in found.rows], found.total

    assert listed(GUEST) == (["a"], 1)
    assert listed(ANN) == (["a", "m"], 2)
    assert listed(KEY) == (["a", "m", "n"], 3)
    with shop.open(KEY) as work:
        files.update_file(work, "b", "n", permissions=['read("guests")'])
        files.update_file(work, "b", "a", permissions=[])
    assert listed(GUEST) == (["n"], 1)


def test_the_uploads_of_a_contact_are_its_own(workshop: Workshop) -> None:
    make_bucket(workshop, 'create("users")', file_security=True)
    assert put(workshop, ANN).permissions == ['read("user:ann")', 'update("user:ann")', 'delete("user:ann")']
    assert put(workshop, ANN, id="g", permissions=[]).permissions == []
    assert put(workshop, KEY, id="h").permissions == []
    assert [act(workshop, BOB, action) for action in ("read", "update", "delete")] == [GONE, NO, NO]
    assert [act(workshop, ANN, action) for action in ("read", "update", "delete")] == [OK, OK, OK]


def test_nobody_grants_a_role_they_do_not_hold(workshop: Workshop) -> None:
    make_bucket(workshop, 'create("any")', 'update("any")')
    with pytest.raises(Forbidden, match="Permissions must be one of: "):
        put(workshop, ANN, permissions=['read("user:bob")'])
    put(workshop, KEY, permissions=['read("user:bob")'])
    with pytest.raises(Forbidden, match="Permissions must be one of: "), workshop.open(ANN) as work:
        files.update_file(work, "b", "f", permissions=['read("users/verified")'])
    with workshop.read(KEY) as work:
        assert files.find_file(work, "b", "f").permissions == ['read("user:bob")']


def test_a_disabled_bucket_is_not_there_for_contacts_and_guests(workshop: Workshop) -> None:
    make_bucket(workshop, 'write("any")', 'read("any")', enabled=False)
    put(workshop)
    for actor in (ANN, GUEST):
        found = [act(workshop, actor, action) for action in ("create", "read", "list", "update", "delete")]
        assert found == ["storage_bucket_not_found"] * 5
    assert act(workshop, KEY, "read") == OK


def test_a_pending_upload_is_gone_on_with_by_whoever_began_it(workshop: Workshop) -> None:
    make_bucket(workshop, 'create("any")')
    range_ = {"content_range": "bytes 0-5242879/5242890", "upload_id": "f"}
    put(workshop, ANN, content=bytes(5_242_880), permissions=[], **range_)
    rest = {"content_range": "bytes 5242880-5242889/5242890", "upload_id": "f"}
    with pytest.raises(Conflict):
        put(workshop, BOB, content=bytes(10), permissions=[], **rest)
    assert put(workshop, ANN, content=bytes(10), permissions=[], **rest).chunks_uploaded == 2


def test_chunks_that_come_at_the_same_moment_are_all_counted(any_workshop: Workshop) -> None:
    shop, total = any_workshop, 4
    make_bucket(shop, maximum_file_size=30_000_000)
    content = bytes(3 * CHUNK) + b"the end"

    def send(number: int) -> Any:
        start = number * CHUNK
        part = content[start : start + CHUNK]
        range_ = f"bytes {start}-{start + len(part) - 1}/{len(content)}"
        for _ in range(200):
            try:
                return put(shop, content=part, content_range=range_, upload_id="f")
            except TooMany:  # the other one was the last, and the file is being put together: clients ask again
                time.sleep(0.05)
        pytest.fail("The file is put together for ever.")

    with ThreadPoolExecutor(2 * total) as pool:  # each chunk twice
        rows = list(pool.map(send, [*range(total), *range(total)]))
    assert max(row.chunks_uploaded for row in rows) == total
    with shop.read(KEY) as work:
        assert files.read_whole(work, "b", "f", len(content)) == content
    assert len(open_store(shop.settings).keys("buckets")) == 1


@pytest.mark.needs("node", "S3 server")
def test_s3_serves_as_well_as_a_folder(settings_on_s3: Settings, clock: FakeClock) -> None:
    for shop in open_workshop(settings_on_s3, clock):
        make_bucket(shop, compression="gzip")
        put(shop)
        put(shop, id="p", content=bytes(CHUNK), content_range=f"bytes 0-{CHUNK - 1}/{CHUNK + 5}", upload_id="p")
        put(shop, id="p", content=b"after", content_range=f"bytes {CHUNK}-{CHUNK + 4}/{CHUNK + 5}", upload_id="p")
        with shop.read(KEY) as work:
            assert files.read_whole(work, "b", "f", 10) == b"hello"
            assert files.read_whole(work, "b", "p", CHUNK + 5)[-6:] == b"\0after"
        with shop.open(KEY) as work:
            buckets.delete_bucket(work, "b")
        file_sweeps.sweep(shop)
        assert open_store(settings_on_s3).keys("buckets") == []


def test_an_open_file_gives_its_bytes_in_whole_and_in_part(any_workshop: Workshop) -> None:
    make_bucket(any_workshop, compression="zstd")
    put(any_workshop, content=b"0123456789" * 20_000)
    with any_workshop.read(KEY) as work:
        found = files.open_file(work, "b", "f")
        assert files.read_whole(work, "b", "f", 200_000) == b"0123456789" * 20_000
        with pytest.raises(Invalid, match=r"has 200,000 bytes; at most 199,999"):
            files.read_whole(work, "b", "f", 199_999)
    assert (found.name, found.mime_type, found.size) == ("a.txt", "text/plain", 200_000)
    assert b"".join(found.pieces(100_001, 100_005)) == b"1234"
    assert b"".join(found.pieces(199_999)) == b"9"


def test_bytes_that_are_gone_or_tampered_with_are_said_to_be(workshop: Workshop) -> None:
    make_bucket(workshop)
    row, store = put(workshop), open_store(workshop.settings)
    lying = b"".join(store.pieces(row.store_key))
    with workshop.read(KEY) as work:
        found = files.open_file(work, "b", "f")
    store.put(row.store_key, lying[:-1] + bytes([lying[-1] ^ 1]))
    with pytest.raises(Unavailable):
        found.pieces()
    store.delete([row.store_key])
    with pytest.raises(NotFound):
        found.pieces()


def test_deleting_a_file_empties_its_folders_after_the_commit(any_workshop: Workshop) -> None:
    shop = any_workshop
    store = open_store(shop.settings)
    make_bucket(shop, file_security=True)
    row = put(shop, permissions=['read("any")'])
    store.put(f"previews/{row.bucket_pk}/{row.pk}/abc", b"small")
    with shop.open(KEY) as work:
        files.delete_file(work, "b", "f")
        assert len(store.keys("buckets")) == 1
    assert act(shop, KEY, "read") == GONE
    assert file_sweeps.sweep(shop) == 2
    assert store.keys("buckets") + store.keys("previews") == []
    with shop.database.read() as session:
        assert session.query(Leftover).count() + session.query(FileReader).count() == 0


def test_a_deletion_that_is_undone_deletes_nothing(workshop: Workshop) -> None:
    make_bucket(workshop)
    put(workshop)

    def delete_both() -> None:
        with workshop.open(KEY) as work:
            files.delete_file(work, "b", "f")
            files.delete_file(work, "b", "g")  # which is not there

    with pytest.raises(NotFound):
        delete_both()
    assert file_sweeps.sweep(workshop) == 0
    with workshop.read(KEY) as work:
        assert files.read_whole(work, "b", "f", 10) == b"hello"


def test_deleting_a_bucket_takes_files_chunks_and_previews_along(any_workshop: Workshop) -> None:
    shop = any_workshop
    store = open_store(shop.settings)
    make_bucket(shop)
    for number in range(5):
        put(shop, id=f"f{number}")
    put(shop, id="p", content=bytes(5_242_880), content_range="bytes 0-5242879/5242890", upload_id="p")
    store.put("previews/1/1/abc", b"small")
    with shop.open(KEY) as work:
        buckets.delete_bucket(work, "b")
    assert file_sweeps.sweep(shop) == 2
    assert store.keys("buckets") + store.keys("previews") == []
    with shop.database.read() as session:
        assert session.query(FileChunk).count() == 0


def test_the_number_of_a_deleted_file_is_never_used_again(any_workshop: Workshop) -> None:
    make_bucket(any_workshop)
    first = put(any_workshop)
    with any_workshop.open(KEY) as work:
        files.delete_file(work, "b", "f")
    assert put(any_workshop).pk != first.pk


def test_only_a_whole_file_is_written_into_the_trail(workshop: Workshop) -> None:
    make_bucket(workshop)
    put(workshop, content=bytes(5_242_880), content_range="bytes 0-5242879/5242890", upload_id="f")
    put(workshop, content=bytes(10), content_range="bytes 5242880-5242889/5242890", upload_id="f")
    with workshop.open(KEY) as work:
        files.update_file(work, "b", "f", name="new.txt")
        files.delete_file(work, "b", "f")
        buckets.delete_bucket(work, "b")
    with workshop.database.read() as session:
        trail = [(entry.event, entry.resource) for entry in session.query(AuditEntry).order_by(AuditEntry.pk)]
    assert trail == [
        ("bucket.create", "bucket/b"), ("file.create", "file/f"), ("file.update", "file/f"),
        ("file.delete", "file/f"), ("bucket.delete", "bucket/b"),
    ]  # fmt: skip


def test_a_link_to_a_pushed_picture_opens_that_file_for_its_time(workshop: Workshop, clock: FakeClock) -> None:
    make_bucket(workshop)
    put(workshop)
    put(workshop, id="g")
    with workshop.open(KEY) as work:
        url = file_links.push_image_url(work, "b", "f", START + file_links.VALID_FOR)
    address, _, token = url.partition("&jwt=")
    assert address.endswith("/v1/storage/buckets/b/files/f/push?project=default")

    def opens(id: str, token: str = token) -> bool:
        try:
            with workshop.read(GUEST) as work:
                return file_links.open_pushed(work, "b", id, token).name == "a.txt"
        except Forbidden:
            return False

    assert [opens("f"), opens("g"), opens("f", ""), opens("f", token[:-2]), opens("f", "a.b.c")] == [
        True, False, False, False, False,
    ]  # fmt: skip
    clock.move(15 * 86_400 - 1)
    assert opens("f")
    clock.move(1)
    assert not opens("f")


def test_a_key_that_was_replaced_still_opens_what_it_sealed(workshop: Workshop) -> None:
    make_bucket(workshop)
    put(workshop)
    workshop.vault = Vault(["another key that is long enough for all", SECRET])
    with workshop.read(KEY) as work:
        assert files.read_whole(work, "b", "f", 10) == b"hello"


def test_permission_without_the_right_scope_is_refused(workshop: Workshop, viewer: Actor) -> None:
    make_bucket(workshop)
    put(workshop)
    assert [act(workshop, viewer, action) for action in ("read", "update", "create")] == [
        "ok", "general_unauthorized_scope", "general_unauthorized_scope",
    ]  # fmt: skip
