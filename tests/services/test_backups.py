"""Backups: one file of a running installation, whole or not there, and back again from it."""

import io
import os
import sqlite3
import subprocess
import tarfile
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import zstandard
from sqlalchemy import text

from app.domain.permissions import Actor
from app.infra import archive
from app.infra.archive import ArchiveError
from app.infra.db import Database
from app.infra.settings import Settings
from app.infra.vault import Vault
from app.services.running import backups, restores
from app.services.work import Workshop
from app.storage import open_store
from tests import factories, postgres
from tests.conftest import SECRET, START

KEY = "a-key-of-a-setting-that-is-long-enough"
FILE = b"bytes of a flyer " * 50_000


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """With a key that a setting can name: without blanks."""
    return settings.but({"secret_keys": KEY})


@pytest.fixture
def installation(any_place: Settings, workshop: Workshop, actor: Actor) -> Settings:
    """One with a provider, ten people, and a file that lies in its store."""
    with workshop.open(actor) as work:
        factories.make_provider(work, password="sesame", username="news")
        factories.make_audience(work.session, 10)
        row = factories.make_file(work.session)
        row.store_key = f"buckets/{row.bucket_pk}/{row.pk}/whole-1"
        key = row.store_key
    open_store(any_place).put(key, FILE)
    return any_place


def elsewhere(settings: Settings, tmp_path: Path, request: pytest.FixtureRequest) -> Settings:
    """Another data dir, with an empty database of the same sort and keys that are the same."""
    url = ""
    if settings.database_url:
        server = request.getfixturevalue("postgresql")
        url = server.new_database()
        with closing_database(url) as database, database.connect() as connection:
            connection.execute(text("DROP SCHEMA public CASCADE"))
            connection.execute(text("CREATE SCHEMA public"))
    return settings.but({"data_dir": tmp_path / "elsewhere", "database_url": url})


def closing_database(url: str) -> "closing[Database]":
    return closing(Database(url))


def addresses(settings: Settings) -> list[str]:
    with closing_database(settings.sqlalchemy_url) as database, database.read() as session:
        return list(session.scalars(text("SELECT address FROM targets ORDER BY pk")))


def names_in(settings: Settings) -> list[str]:
    """What lies in the data dir, without what SQLite makes and removes by itself."""
    return sorted(path.name for path in settings.data_dir.iterdir() if not path.name.endswith(("-wal", "-shm")))


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of three megabytes; only root may mount one."""
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(folder)]
    if os.getuid() or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("a small disk cannot be mounted here, only root may: run the tests as root to see a disk full")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=False)


class TestRoundTrip:
    """What was kept comes back."""

    def test_rows_files_and_secrets_come_back_elsewhere(
        self, installation: Settings, tmp_path: Path, request: pytest.FixtureRequest
    ) -> None:
        made = backups.make_backup(installation, tmp_path / "b.tar.zst", START)
        assert (made.files, made.vanished) == (1, [])
        other = elsewhere(installation, tmp_path, request)
        done = restores.restore(other, made.path, START)
        assert (done.files, done.aside, done.notes) == (1, [], [])
        assert addresses(other) == addresses(installation) != []
        with closing_database(other.sqlalchemy_url) as database, database.read() as session:
            (key,) = session.scalars(text("SELECT store_key FROM files")).all()
            (sealed,) = session.scalars(text("SELECT credentials FROM providers")).all()
            fence = session.execute(text("SELECT fence_reason, fenced_at IS NOT NULL FROM installations")).one()
        assert b"".join(open_store(other).pieces(key)) == FILE
        assert Vault([SECRET]).decrypt_json(sealed)["password"] == "sesame"
        assert (fence[0], bool(fence[1])) == ("restored", True)

    def test_numbers_go_on_where_they_stood(
        self, installation: Settings, workshop: Workshop, actor: Actor, tmp_path: Path, request: pytest.FixtureRequest
    ) -> None:
        """The number of a deleted bucket names a folder that may still be there: it must not be given again."""
        with workshop.open(actor) as work:
            last = factories.make_file(work.session, bucket="gone", id="g", is_whole=False)
            number = last.bucket_pk
            work.session.execute(text("DELETE FROM buckets WHERE pk = :pk"), {"pk": number})
        made = backups.make_backup(installation, tmp_path / "b.tar.zst", START)
        other = elsewhere(installation, tmp_path, request)
        restores.restore(other, made.path, START)
        with closing_database(other.sqlalchemy_url) as database, database.begin() as session:
            assert factories.make_file(session, bucket="new", id="n").bucket_pk == number + 1

    def test_a_backup_is_of_one_moment_however_much_is_written_meanwhile(
        self, installation: Settings, workshop: Workshop, tmp_path: Path, request: pytest.FixtureRequest
    ) -> None:
        stop = threading.Event()

        def write() -> None:
            turn = 0
            while not stop.is_set():
                turn += 1
                with workshop.database.begin() as session:  # both or none
                    session.execute(text("UPDATE topics SET description = :turn"), {"turn": str(turn)})
                    session.execute(text("UPDATE projects SET name = :turn"), {"turn": str(turn)})

        writer = threading.Thread(target=write)
        writer.start()
        try:
            made = [backups.make_backup(installation, tmp_path / f"b{number}", START).path for number in range(5)]
        finally:
            stop.set()
            writer.join()
        for number, path in enumerate(made):
            other = elsewhere(installation, tmp_path / str(number), request)
            restores.restore(other, path, START)
            with closing_database(other.sqlalchemy_url) as database, database.read() as session:
                topic, project = session.execute(text("SELECT description, projects.name FROM topics, projects")).one()
            assert topic in {project, ""}  # nothing was written before the first

    def test_a_file_that_vanished_is_named_and_the_rest_is_kept(self, installation: Settings, tmp_path: Path) -> None:
        store = open_store(installation)
        (key,) = store.keys("buckets")
        store.delete([key])
        made = backups.make_backup(installation, tmp_path / "b.tar.zst", START)
        assert (made.files, made.vanished) == (0, [key])
        restores.examine(made.path)


@pytest.mark.postgresql
def test_an_address_that_speaks_of_a_pool_in_front_is_understood(postgresql: postgres.Server, tmp_path: Path) -> None:
    """`prepare_threshold` is read by us: the driver itself would refuse it as text."""
    url = f"{postgresql.new_database()}&prepare_threshold=none"
    made = backups.make_backup(Settings(data_dir=tmp_path, database_url=url), tmp_path / "b.tar.zst", START)
    assert restores.examine(made.path).about["database"] == "postgresql"


class TestTheFile:
    """What it is, and what is refused."""

    @pytest.fixture
    def path(self, settings: Settings, workshop: Workshop, tmp_path: Path) -> Path:
        return backups.make_backup(settings, tmp_path / "b.tar.zst", START).path

    def test_its_owner_alone_reads_it_and_tar_lists_it(self, path: Path) -> None:
        assert path.stat().st_mode & 0o777 == 0o600
        with tarfile.open(fileobj=io.BytesIO(_unpacked(path))) as tar:
            names = tar.getnames()
        assert (names[0], names[-1]) == ("about.json", "manifest.json")

    def test_it_holds_the_key_only_on_request(self, workshop: Workshop, settings: Settings, tmp_path: Path) -> None:
        own = settings.but({"secret_keys": ""})
        Vault.open(own)
        without = backups.make_backup(own, tmp_path / "without", START).path
        with_key = backups.make_backup(own, tmp_path / "with", START, with_key=True).path
        parts = [[name for name, _ in archive.read_parts(each)] for each in (without, with_key)]
        assert ["secret.key" in each for each in parts] == [False, True]
        key = own.key_file.read_text().strip()
        assert key.encode() not in _unpacked(without)
        assert key.encode() in _unpacked(with_key)

    def test_a_restore_says_when_the_key_is_another(
        self, path: Path, settings: Settings, tmp_path: Path, request: pytest.FixtureRequest
    ) -> None:
        other = elsewhere(settings, tmp_path, request).but({"secret_keys": KEY[::-1]})
        assert "sealed with a key that is not here" in restores.restore(other, path, START).notes[0]

    def test_nothing_is_overwritten_unless_asked(self, path: Path, settings: Settings) -> None:
        before = path.read_bytes()
        with pytest.raises(ArchiveError, match="exists already"):
            backups.make_backup(settings, path, START)
        assert path.read_bytes() == before
        backups.make_backup(settings, path, START, force=True)
        restores.examine(path)

    @pytest.mark.parametrize("share", [0.0, 0.3, 0.9, 0.999])
    def test_a_file_that_is_cut_off_is_refused(self, path: Path, share: float) -> None:
        whole = path.read_bytes()
        path.write_bytes(whole[: int(len(whole) * share)])
        with pytest.raises(ArchiveError):
            restores.examine(path)

    def test_no_flipped_bit_is_taken(self, path: Path) -> None:
        whole = path.read_bytes()
        for place in range(0, len(whole), max(1, len(whole) // 60)):
            path.write_bytes(whole[:place] + bytes([whole[place] ^ 16]) + whole[place + 1 :])
            try:
                found = restores.examine(path)
            except ArchiveError:
                continue
            assert found.about["format"] == 1  # a bit that says nothing, such as a date of the container
            assert _parts(path) == _parts_of(whole, path)

    def test_something_else_is_no_backup(self, tmp_path: Path) -> None:
        for content in (b"", b"hello", zstandard.compress(b"hello" * 1000)):
            (tmp_path / "x").write_bytes(content)
            with pytest.raises(ArchiveError, match="backup"):
                restores.examine(tmp_path / "x")

    def test_one_of_a_newer_carillon_is_refused_untouched(
        self, path: Path, settings: Settings, tmp_path: Path, request: pytest.FixtureRequest
    ) -> None:
        _retell(path, revision="9999", carillon="9.0")
        other = elsewhere(settings, tmp_path, request)
        with pytest.raises(ArchiveError, match=r"newer Carillon \(9.0, tables 9999\)"):
            restores.restore(other, path, START)
        assert not other.data_dir.exists()


def _unpacked(path: Path) -> bytes:
    with path.open("rb") as file, zstandard.ZstdDecompressor().stream_reader(file) as plain:
        return bytes(plain.read())


def _parts(path: Path) -> list[tuple[str, bytes]]:
    return [(name, source.read()) for name, source in archive.read_parts(path)]


def _parts_of(whole: bytes, path: Path) -> list[tuple[str, bytes]]:
    path.write_bytes(whole)
    return _parts(path)


def _retell(path: Path, **changed: str) -> None:
    """Write the archive anew, with something else said about it."""
    about, parts = archive.read_about(path), _parts(path)
    with archive.write_archive(path, 0, replaces=True) as writer:
        writer.note(archive.ABOUT, about | changed)
        for name, content in parts:
            writer.add_bytes(name, content)


class TestTrouble:
    """What goes wrong leaves nothing behind, and all as it was."""

    def test_a_full_disk_is_said_and_nothing_is_left(
        self, settings: Settings, workshop: Workshop, small_disk: Path
    ) -> None:
        store = open_store(settings)
        with workshop.database.begin() as session:
            row = factories.make_file(session)
            row.store_key = "buckets/1/1/whole-1"
        store.put("buckets/1/1/whole-1", os.urandom(4_000_000))
        with pytest.raises(ArchiveError, match="The disk is full"):
            backups.make_backup(settings, small_disk / "b", START)
        assert os.listdir(small_disk) == []

    def test_what_is_there_is_kept_unless_it_may_be_moved_aside(
        self, installation: Settings, workshop: Workshop, tmp_path: Path
    ) -> None:
        made = backups.make_backup(installation, tmp_path / "b.tar.zst", START)
        with workshop.database.begin() as session:
            session.execute(text("DELETE FROM targets"))
        workshop.database.close()
        with pytest.raises(ArchiveError, match="There is data already"):
            restores.restore(installation, made.path, START)
        assert addresses(installation) == []
        done = restores.restore(installation, made.path, START, force=True)
        assert len(addresses(installation)) == 10
        assert _rows_aside(installation, done.aside[0]) == 0

    def test_a_damaged_backup_changes_nothing(self, installation: Settings, workshop: Workshop, tmp_path: Path) -> None:
        made = backups.make_backup(installation, tmp_path / "b.tar.zst", START)
        made.path.write_bytes(made.path.read_bytes()[:-200])
        before = names_in(installation)
        with pytest.raises(ArchiveError):
            restores.restore(installation, made.path, START, force=True)
        assert len(addresses(installation)) == 10
        assert names_in(installation) == before

    def test_a_restore_that_breaks_off_in_the_middle_changes_nothing(
        self, installation: Settings, workshop: Workshop, tmp_path: Path
    ) -> None:
        made = backups.make_backup(installation, tmp_path / "b.tar.zst", START)
        parts, about = _parts(made.path), archive.read_about(made.path)
        with archive.write_archive(made.path, 0, replaces=True) as writer:  # whole, but with a part nobody knows
            writer.note(archive.ABOUT, about)
            for name, content in [*parts, ("strange/part", b"x")]:
                writer.add_bytes(name, content)
        workshop.database.close()
        with pytest.raises(ArchiveError, match="strange/part, which nobody knows"):
            restores.restore(installation, made.path, START, force=True)
        assert len(addresses(installation)) == 10
        assert not (installation.data_dir / "restore.new").exists()

    def test_a_backup_of_the_other_sort_is_refused(
        self, settings: Settings, workshop: Workshop, tmp_path: Path
    ) -> None:
        path = backups.make_backup(settings, tmp_path / "b.tar.zst", START).path
        other = "" if settings.database_url else "postgresql://nobody@/nowhere"
        with pytest.raises(ArchiveError, match="The backup is of"):
            restores.restore(settings.but({"database_url": other}), path, START)

    def test_nothing_is_restored_under_what_still_runs(self, settings: Settings, workshop: Workshop) -> None:
        workshop.broker.beat("worker", "a-worker-elsewhere", 10)
        with pytest.raises(ArchiveError, match="Carillon still runs: a-worker-elsewhere"):
            restores.refuse_running(settings)

    def test_an_empty_place_has_nothing_to_back_up(self, tmp_path: Path) -> None:
        with pytest.raises(ArchiveError, match="nothing to back up"):
            backups.make_backup(Settings(data_dir=tmp_path / "no"), tmp_path / "b", START)
        assert os.listdir(tmp_path) == []


def _rows_aside(settings: Settings, place: str) -> int:
    if not settings.database_url:
        with closing(sqlite3.connect(f"{place}/carillon.sqlite3")) as connection:
            return int(connection.execute("SELECT count(*) FROM targets").fetchone()[0])
    schema = place.split()[1]
    with closing_database(settings.sqlalchemy_url) as database, database.read() as session:
        return int(session.scalar(text(f'SELECT count(*) FROM "{schema}".targets')) or 0)
