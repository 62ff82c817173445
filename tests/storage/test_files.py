"""The file store in a folder and on S3: what was put is read back, in pieces, and what is gone is said to be gone."""

import io
import stat

import pytest

from app.infra.settings import Settings
from app.storage import FileStore, open_store
from app.storage.files import PIECE


@pytest.fixture
def store(any_place: Settings) -> FileStore:
    return open_store(any_place)


def test_a_file_reads_back_in_pieces_of_bounded_size(store: FileStore) -> None:
    content = bytes(range(256)) * 4096
    store.put("a/b.bin", io.BytesIO(content))
    pieces = list(store.pieces("a/b.bin"))
    assert b"".join(pieces) == content
    assert len(pieces) > 1
    assert max(map(len, pieces)) <= 2 * PIECE


def test_a_file_can_be_read_as_text_line_by_line(store: FileStore) -> None:
    store.put("a.csv", "ä;b\n1;2\n".encode())
    with store.open("a.csv") as raw, io.TextIOWrapper(raw, "utf-8", newline="") as text:
        assert list(text) == ["ä;b\n", "1;2\n"]


def test_putting_again_replaces_the_file(store: FileStore) -> None:
    store.put("a", b"old and long")
    store.put("a", b"new")
    assert b"".join(store.pieces("a")) == b"new"


def test_only_the_beginning_is_read_for_a_sample(store: FileStore) -> None:
    store.put("a", b"x" * (3 * PIECE))
    assert len(store.head("a", 10)) == 10


def test_a_file_that_is_not_there_is_said_at_once(store: FileStore) -> None:
    for read in (lambda: store.open("none"), lambda: store.head("none", 1), lambda: list(store.pieces("none"))):
        with pytest.raises(FileNotFoundError):
            read()


def test_deleting_twice_does_no_harm_and_folders_are_listed(store: FileStore) -> None:
    for key in ("f/2", "f/1", "g/1"):
        store.put(key, b"x")
    assert store.keys("f") == ["f/1", "f/2"]
    store.delete(["f/1"])
    store.delete(["f/1"])
    assert store.keys("f") == ["f/2"]


def test_only_the_owner_may_look_into_the_folder(settings: Settings) -> None:
    open_store(settings)
    assert stat.S_IMODE((settings.data_dir / "files").stat().st_mode) == 0o700
