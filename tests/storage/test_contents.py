"""Files written and read by their rows: types told from bytes, chunks joined in flat memory, pictures stripped."""

import hashlib
import io
import struct
import subprocess
import sys
import warnings
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin

from app.infra.settings import Settings
from app.storage import FileStore, StoreError, open_store
from app.storage.contents import Plan, write_contents
from app.storage.encoding import Encoding
from app.storage.metadata import ORIENTATION, strip_metadata
from app.storage.mime_types import sniff

JPEG, PNG, WEBP = "image/jpeg", "image/png", "image/webp"


@pytest.fixture
def store(any_place: Settings) -> FileStore:
    return open_store(any_place)


def photo(kind: str, *, orientation: int = 6) -> bytes:
    """A picture that says who took it, in every place its format has, and behind its end."""
    exif = Image.Exif()
    exif[ORIENTATION], exif[0x010F] = orientation, "SECRET maker"
    notes = PngImagePlugin.PngInfo()
    notes.add_text("Comment", "SECRET note")
    more = {"JPEG": {"comment": b"SECRET"}, "PNG": {"pnginfo": notes}, "WEBP": {"xmp": b"SECRET"}}[kind]
    whole = io.BytesIO()
    Image.effect_noise((64, 48), 60).convert("RGB").save(whole, kind, exif=exif, icc_profile=b"PROFILE" * 9, **more)
    return whole.getvalue() + (b"SECRET" if kind != "WEBP" else b"")


@pytest.mark.parametrize(("kind", "mime_type"), [("JPEG", JPEG), ("PNG", PNG), ("WEBP", WEBP)])
@pytest.mark.parametrize("orientation", [1, 6])
def test_a_picture_loses_its_metadata_and_nothing_else(kind: str, mime_type: str, orientation: int) -> None:
    before = photo(kind, orientation=orientation)
    after = strip_metadata(before, mime_type)
    assert b"SECRET" in before
    assert b"SECRET" not in after
    with Image.open(io.BytesIO(before)) as old, Image.open(io.BytesIO(after)) as new:
        assert new.tobytes() == old.tobytes()
        assert new.info["icc_profile"] == b"PROFILE" * 9
        assert new.getexif().get(ORIENTATION, 1) == orientation
        assert set(new.getexif()) <= {ORIENTATION}


def test_an_animation_stays_one() -> None:
    frames = [Image.new("RGB", (9, 9), colour) for colour in ("red", "green", "blue")]
    for kind, mime_type in (("PNG", PNG), ("WEBP", WEBP)):
        whole = io.BytesIO()
        frames[0].save(whole, kind, save_all=True, append_images=frames[1:], duration=50)
        with Image.open(io.BytesIO(strip_metadata(whole.getvalue(), mime_type))) as stripped:
            assert stripped.n_frames == 3


@given(st.sampled_from([JPEG, PNG, WEBP]), st.binary(max_size=200), st.integers(0, 3000))
def test_a_broken_picture_does_no_harm(mime_type: str, noise: bytes, length: int) -> None:
    whole = photo({JPEG: "JPEG", PNG: "PNG", WEBP: "WEBP"}[mime_type])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for broken in (noise, whole[:length], whole[:length] + noise, whole[:30] + noise + whole[40:]):
            strip_metadata(broken, mime_type)


def test_other_files_are_left_alone() -> None:
    assert strip_metadata(b"SECRET", "image/gif") == b"SECRET"


@pytest.mark.parametrize(
    ("head", "extension", "mime_type"),
    [
        (b"", "txt", "application/x-empty"),
        (b"hello", "", "text/plain"),
        (b"a;b\n1;2", "csv", "text/csv"),
        (b'{"a": [1]}', "", "application/json"),
        (b"{not json}", "json", "text/plain"),
        (b"\xef\xbb\xbfhi", "", "text/plain"),
        ("grün".encode("latin-1") + b" text", "", "application/octet-stream"),
        (b"\0\1\2\3", "png", "application/octet-stream"),
        (b"<!-- a --><!-- b --><svg xmlns=''>", "png", "image/svg+xml"),
        (b"<?xml version='1.0'?><a/>", "", "text/xml"),
        (b"  <!DOCTYPE html><p>", "txt", "text/html"),
        (b"<script>", "jpg", "text/html"),
        (b"BM is a car", "", "text/plain"),
        (b"\0\0\0\x18ftypheic\0\0\0\0", "", "image/heic"),
        (b"\0\0\0\x18ftypavif\0\0\0\0", "", "image/avif"),
        (b"\0\0\0\x18ftypmp42\0\0\0\0", "", "video/mp4"),
        (
            b"PK\3\4" + bytes(26) + b"word/document.xml",
            "zip",
            "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        ),
        (b"PK\3\4" + bytes(30), "", "application/zip"),
        (b"%PDF-1.4", "txt", "application/pdf"),
        (b"OggS\0\2", "", "audio/ogg"),
        (b"\x7fELF\2\1\1" + bytes(60), "jpg", None),
    ],
)
def test_the_type_is_told_from_the_bytes(head: bytes, extension: str, mime_type: str | None) -> None:
    found = sniff(head, extension, is_whole=True)
    assert found == mime_type if mime_type else not found.startswith(("image/", "text/"))


@given(st.binary(max_size=300), st.booleans())
def test_any_bytes_have_a_type(head: bytes, is_whole: bool) -> None:
    found = sniff(head, is_whole=is_whole)
    assert found.count("/") == 1
    assert found.isascii()
    assert len(found) <= 127


def test_a_comment_within_comments_takes_no_time() -> None:
    assert sniff(b"<!---->" * 1100 + b"<p", is_whole=True) == "text/plain"


def test_what_was_written_is_measured(store: FileStore) -> None:
    content = b"0123456789" * 100_000
    written = write_contents(store, iter([content]), Plan("buckets/1/1", Encoding("gzip"), "txt"))
    assert (written.size, written.mime_type) == (1_000_000, "text/plain")
    assert written.signature == hashlib.md5(content).hexdigest()
    assert written.size_actual == len(b"".join(store.pieces(written.key))) < 10_000


def test_a_folder_of_thousands_is_emptied(store: FileStore) -> None:
    for number in range(1_200):
        store.put(f"buckets/1/{number}/whole-a", b"x")
    store.put("buckets/10/1/whole-a", b"x")
    assert store.delete_folder("buckets/1") == 1_200
    assert store.keys("buckets") == ["buckets/10/1/whole-a"]
    assert store.delete_folder("buckets/1") == 0


def test_a_part_of_a_file_is_read_without_the_rest(store: FileStore) -> None:
    store.put("a", bytes(range(256)) * 4096)
    assert b"".join(store.pieces("a", 255, 258)) == b"\xff\0\1"
    assert b"".join(store.pieces("a", 256 * 4096 - 2)) == b"\xfe\xff"


def test_a_store_that_fails_is_said_to(settings: Settings) -> None:
    store = open_store(settings)
    (settings.data_dir / "files" / "a").write_text("no folder")
    with pytest.raises(StoreError, match="file store failed at a/b"):
        store.put("a/b", b"x")


_JOIN = """
import resource, sys
from pathlib import Path
from app.infra.settings import Settings
from app.storage import open_store
from app.storage.contents import Plan, read_chunks, write_contents
from app.storage.encoding import PLAIN
store = open_store(Settings(data_dir=Path(sys.argv[1])))
chunks = [(f"buckets/1/1/chunks/{number}", 5_000_000) for number in range(int(sys.argv[2]))]
for key, size in chunks:
    store.put(key, bytes(size))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
written = write_contents(store, read_chunks(store, chunks, PLAIN), Plan("buckets/1/1"))
total = sum(map(len, store.pieces(written.key)))
print(total, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


def test_a_file_of_100_mb_is_joined_from_its_chunks_in_flat_memory(tmp_path: Path) -> None:
    answer = subprocess.run(
        [sys.executable, "-c", _JOIN, str(tmp_path), "20"], check=True, capture_output=True, text=True
    )
    total, grown = map(int, answer.stdout.split())
    assert total == 100_000_000
    assert grown < 60


@pytest.mark.parametrize("orientation", [0, 6])
def test_stripping_decodes_no_pixel_however_many_a_picture_claims(
    monkeypatch: pytest.MonkeyPatch, orientation: int
) -> None:
    decoded: list[object] = []

    def load(picture: object) -> None:
        decoded.append(picture)

    monkeypatch.setattr(PngImagePlugin.PngImageFile, "load", load)
    before = io.BytesIO()
    Image.new("L", (64, 48)).save(before, "PNG")
    content = before.getvalue()
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    if orientation:  # behind the pixels, where it may stand too
        written = exif.tobytes().removeprefix(b"Exif\0\0")
        chunk = b"eXIf" + written
        content = content[:-12] + struct.pack(">I", len(written)) + chunk + struct.pack(">I", zlib.crc32(chunk))
        content += before.getvalue()[-12:]
    after = strip_metadata(content, PNG)
    assert decoded == []
    with Image.open(io.BytesIO(after)) as picture:
        assert Image.Image.getexif(picture).get(ORIENTATION, 0) == orientation
