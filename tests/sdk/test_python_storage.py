"""Storage by the official Python SDK 27.0.0: buckets, files in one piece and in parallel chunks, pictures, and back."""

import io
import os
from pathlib import Path

import pytest
from appwrite.enums.compression import Compression
from appwrite.enums.image_format import ImageFormat
from appwrite.enums.image_gravity import ImageGravity
from appwrite.id import ID
from appwrite.input_file import InputFile
from appwrite.permission import Permission
from appwrite.query import Query
from appwrite.role import Role
from appwrite.services.storage import Storage
from PIL import Image

from tests.sdk.conftest import Access, Installation, refusal

READ_BY_ANYBODY = [Permission.read(Role.any())]


@pytest.fixture
def bucket_id(storage: Storage) -> str:
    made = storage.create_bucket(ID.unique(), "Pictures", permissions=READ_BY_ANYBODY, compression=Compression.ZSTD)
    assert (made.name, made.permissions, made.encryption) == ("Pictures", READ_BY_ANYBODY, True)
    return str(made.id)


def test_a_bucket_is_changed_listed_and_deleted(storage: Storage, bucket_id: str) -> None:
    changed = storage.update_bucket(
        bucket_id, "Photos", [], file_security=True, enabled=True, maximum_file_size=1_000,
        allowed_file_extensions=["png"], compression=Compression.GZIP, encryption=False, antivirus=False,
        transformations=False, description="Of the summer", strip_metadata=True,
    )  # fmt: skip
    assert (changed.name, changed.allowedfileextensions, changed.maximumfilesize) == ("Photos", ["png"], 1_000)
    assert (changed.compression, changed.description, changed.stripmetadata) == ("gzip", "Of the summer", True)
    assert storage.get_bucket(bucket_id).to_dict() == changed.to_dict()
    found = storage.list_buckets([Query.equal("name", "Photos"), Query.limit(5)], search="photos")
    assert [row.id for row in found.buckets] == [bucket_id]
    assert storage.delete_bucket(bucket_id) == b""
    assert refusal(storage.get_bucket, bucket_id) == (404, "storage_bucket_not_found")


def test_a_file_goes_up_and_comes_back(storage: Storage, bucket_id: str) -> None:
    made = storage.create_file(
        bucket_id, ID.unique(), InputFile.from_bytes(b"hello", "a.txt"), READ_BY_ANYBODY, folder="letters"
    )
    assert (made.name, made.mimetype, made.chunksuploaded) == ("a.txt", "text/plain", 1)
    assert (made.permissions, made.folder) == (READ_BY_ANYBODY, "letters/")
    assert storage.get_file(bucket_id, made.id).signature == made.signature
    assert storage.get_file_download(bucket_id, made.id) == b"hello"
    assert storage.get_file_view(bucket_id, made.id) == b"hello"
    assert storage.update_file(bucket_id, made.id, name="b.txt", permissions=[]).name == "b.txt"
    found = storage.list_files(bucket_id, [Query.equal("mimeType", "text/plain")], search="b.txt")
    assert [row.id for row in found.files] == [made.id]
    assert storage.delete_file(bucket_id, made.id) == b""
    assert refusal(storage.get_file, bucket_id, made.id) == (404, "storage_file_not_found")


def test_a_guest_sees_what_the_bucket_lets_anybody_see(shop: Access, storage: Storage, bucket_id: str) -> None:
    made = storage.create_file(bucket_id, ID.unique(), InputFile.from_bytes(b"for all", "a.txt"))
    guest = Storage(shop.client(key=""))
    assert guest.get_file_view(bucket_id, made.id) == b"for all"
    assert refusal(guest.delete_file, bucket_id, made.id) == (401, "user_unauthorized")


def test_a_picture_is_shown_as_wished(storage: Storage, bucket_id: str) -> None:
    picture = io.BytesIO()
    Image.new("RGB", (40, 30), "red").save(picture, "PNG")
    made = storage.create_file(bucket_id, ID.unique(), InputFile.from_bytes(picture.getvalue(), "red.png"))
    drawn = storage.get_file_preview(
        bucket_id, made.id, width=20, height=20, gravity=ImageGravity.TOP_LEFT, quality=80, border_width=1,
        border_color="00ff00", border_radius=2, opacity=0.5, rotation=90, background="ffffff", output=ImageFormat.WEBP,
    )  # fmt: skip
    assert Image.open(io.BytesIO(drawn)).format == "WEBP"
    plain = Image.open(io.BytesIO(storage.get_file_preview(bucket_id, made.id, width=20, gravity=ImageGravity.AUTO)))
    assert (plain.format, plain.size) == ("PNG", (20, 15))


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


def test_an_upload_that_broke_off_goes_on_where_it_was(
    installation: Installation, storage: Storage, bucket_id: str
) -> None:
    content = os.urandom(12_000_000)

    def break_off(_at: object) -> None:
        raise ConnectionAbortedError("the train is in a tunnel")

    with pytest.raises(ConnectionAbortedError):
        storage.create_file(bucket_id, "ride", InputFile.from_bytes(content, "ride.bin"), on_progress=break_off)
    assert storage.get_file(bucket_id, "ride").chunksuploaded == 1
    made = storage.create_file(bucket_id, "ride", InputFile.from_bytes(content, "ride.bin"))
    assert (made.chunksuploaded, storage.get_file_download(bucket_id, "ride")) == (3, content)
    sent = [each.path for each in installation.relay.exchanges("Python", "27.0.0") if each.method == "POST"]
    assert sent.count(f"/storage/buckets/{bucket_id}/files") == 3, "no chunk went up twice"
