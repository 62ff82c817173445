"""Storage by the official Python SDK, unmodified: buckets, files in one piece and in parallel chunks, and back."""

import os
from pathlib import Path

import pytest
from appwrite.client import Client
from appwrite.enums.compression import Compression
from appwrite.exception import AppwriteException
from appwrite.id import ID
from appwrite.input_file import InputFile
from appwrite.permission import Permission
from appwrite.query import Query
from appwrite.role import Role
from appwrite.services.storage import Storage


@pytest.fixture
def storage(client: Client) -> Storage:
    return Storage(client)


@pytest.fixture
def bucket_id(storage: Storage) -> str:
    made = storage.create_bucket(
        ID.unique(), "Pictures", permissions=[Permission.read(Role.any())], compression=Compression.ZSTD
    )
    assert (made.name, made.permissions, made.encryption) == ("Pictures", ['read("any")'], True)
    return str(made.id)


def test_a_bucket_is_changed_listed_and_deleted(storage: Storage, bucket_id: str) -> None:
    changed = storage.update_bucket(bucket_id, "Photos", allowed_file_extensions=["png"])
    assert (changed.name, changed.allowedfileextensions) == ("Photos", ["png"])
    found = storage.list_buckets([Query.equal("name", "Photos"), Query.limit(5)])
    assert bucket_id in [row.id for row in found.buckets]
    assert storage.delete_bucket(bucket_id) == b""
    with pytest.raises(AppwriteException) as refused:
        storage.get_bucket(bucket_id)
    assert (refused.value.code, refused.value.type) == (404, "storage_bucket_not_found")


def test_a_file_goes_up_and_comes_back(storage: Storage, bucket_id: str) -> None:
    made = storage.create_file(
        bucket_id, ID.unique(), InputFile.from_bytes(b"hello", "a.txt"), [Permission.read(Role.any())]
    )
    assert (made.name, made.mimetype, made.chunksuploaded, made.permissions) == (
        "a.txt",
        "text/plain",
        1,
        ['read("any")'],
    )
    assert storage.get_file(bucket_id, made.id).signature == made.signature
    assert storage.get_file_download(bucket_id, made.id) == b"hello"
    assert storage.get_file_view(bucket_id, made.id) == b"hello"
    assert storage.update_file(bucket_id, made.id, name="b.txt", permissions=[]).name == "b.txt"
    assert [row.id for row in storage.list_files(bucket_id, search="b.txt").files] == [made.id]
    assert storage.delete_file(bucket_id, made.id) == b""
    assert storage.list_files(bucket_id).total == 0


def test_a_large_file_goes_up_in_parallel_chunks(storage: Storage, bucket_id: str, tmp_path: Path) -> None:
    content = os.urandom(18_000_000)
    path = tmp_path / "large.bin"
    path.write_bytes(content)
    seen: list[float] = []
    made = storage.create_file(
        bucket_id, "large", InputFile.from_path(str(path)), on_progress=lambda at: seen.append(at["progress"])
    )
    assert (made.chunksuploaded, made.chunkstotal, made.sizeoriginal) == (4, 4, len(content))
    assert seen[-1] == 100
    assert storage.get_file_download(bucket_id, "large") == content
    again = storage.create_file(bucket_id, "large", InputFile.from_path(str(path)))  # as after a lost answer
    assert again.signature == made.signature
