"""Buckets and files by the Python SDK 11.1.0, which sends the chunks of a large file one after the other."""

import hashlib
import io
import random
from typing import Any

from appwrite.enums.compression import Compression
from appwrite.input_file import InputFile
from PIL import Image


def store_files(storage: Any) -> str:
    """Store a picture, a text and a large file, and get them back; the id of their bucket."""
    storage.create_bucket("files", "Files", permissions=['read("any")'], compression=Compression.GZIP)
    assert storage.update_bucket("files", "All files", file_security=True)["name"] == "All files"
    assert storage.get_bucket("files")["fileSecurity"]
    assert storage.list_buckets(search="files")["total"] == 1
    picture = io.BytesIO()
    Image.new("RGB", (40, 30), "red").save(picture, "PNG")
    storage.create_file("files", "picture", InputFile.from_bytes(picture.getvalue(), "red.png"))
    storage.create_file("files", "terms", InputFile.from_bytes(b"The terms", "terms.txt"))
    drawn = storage.get_file_preview("files", "picture", width=20, output="jpg")  # it cannot write its own enum here
    assert Image.open(io.BytesIO(drawn)).size == (20, 15)
    assert storage.get_file_view("files", "terms") == b"The terms"
    assert storage.update_file("files", "terms", name="old.txt")["name"] == "old.txt"
    _send_a_large_one(storage)
    assert storage.list_files("files")["total"] == 3
    storage.delete_file("files", "large")
    storage.create_bucket("gone", "Gone")
    storage.delete_bucket("gone")
    return "files"


def _send_a_large_one(storage: Any) -> None:
    content = random.Random(11).randbytes(11_000_000)
    made = storage.create_file("files", "large", InputFile.from_bytes(content, "large.bin"))
    assert (made["chunksTotal"], made["chunksUploaded"]) == (3, 3), made
    assert storage.get_file("files", "large")["signature"] == hashlib.md5(content).hexdigest()
    assert storage.get_file_download("files", "large") == content
