"""Downloads over the API: whole and in part, shown or saved, by permission or by link; and what is said of files."""

import io
import json
from typing import Any

import pytest
from flask import Flask
from PIL import Image

from app.domain.byte_ranges import CHUNK
from app.domain.permissions import Actor
from app.services.storage import file_links
from app.services.storage.upload_admission import Incoming
from app.services.storage.uploads import receive
from app.services.work import Workshop
from tests.api.caller import Caller
from tests.conftest import START, FakeClock

BUCKETS = "/storage/buckets"
FILE = BUCKETS + "/b/files/f"
TEXT = b"0123456789" * 1000


@pytest.fixture
def guest(app: Flask) -> Caller:
    return Caller(app)


@pytest.fixture
def put(api: Caller, workshop: Workshop, actor: Actor) -> Any:
    """Put a file f into the bucket b, which is made with these rules."""

    def put(content: bytes, name: str = "a.txt", *, permissions: Any = None, **rules: Any) -> Any:
        if api.call("GET", f"{BUCKETS}/b").status_code == 404:
            api.post(BUCKETS, bucketId="b", name="B", **rules)
        return receive(workshop, actor, Incoming("b", io.BytesIO(content), name, "f", permissions)).row

    return put


def picture(kind: str, size: tuple[int, int] = (8, 8)) -> bytes:
    whole = io.BytesIO()
    Image.new("RGB", size, "red").save(whole, kind)
    return whole.getvalue()


def test_a_download_is_saved_under_its_name(api: Caller, put: Any) -> None:
    put(TEXT, 'Grüße "aus" Köln.txt')
    answer = api.call("GET", f"{FILE}/download")
    assert (answer.status_code, answer.data) == (200, TEXT)
    assert answer.headers["Content-Type"] == "text/plain; charset=UTF-8"
    assert answer.headers["Content-Disposition"] == (
        "attachment; filename=\"Gr??e _aus_ K?ln.txt\"; filename*=UTF-8''Gr%C3%BC%C3%9Fe%20%22aus%22%20K%C3%B6ln.txt"
    )
    assert answer.headers["Content-Length"] == "10000"
    assert answer.headers["Cache-Control"] == "private, max-age=3888000"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    head = api.call("HEAD", f"{FILE}/download")
    assert (head.status_code, head.data, head.headers["Content-Length"]) == (200, b"", "10000")


@pytest.mark.parametrize(
    ("content", "name", "mime_type"),
    [
        (picture("PNG"), "a.png", "image/png"), (picture("JPEG"), "a.txt", "image/jpeg"),
        (picture("GIF"), "a.gif", "image/gif"), (picture("BMP"), "a", "image/bmp"),
        (b"%PDF-1.7\n%\xe2\xe3", "a.pdf", "application/pdf"),
        (b"<html><script>alert(1)</script>", "a.png", "text/plain; charset=UTF-8"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'><script/></svg>", "a.svg", "text/plain; charset=UTF-8"),
        (b'{"a": 1}', "a.json", "text/plain; charset=UTF-8"),
    ],
)  # fmt: skip
def test_only_what_is_harmless_is_shown_as_what_it_is(
    api: Caller, put: Any, content: bytes, name: str, mime_type: str
) -> None:
    put(content, name)
    answer = api.call("GET", f"{FILE}/view")
    assert (answer.status_code, answer.data, answer.headers["Content-Type"]) == (200, content, mime_type)
    assert answer.headers["Content-Disposition"] == f'inline; filename="{name}"'
    assert answer.headers["Content-Security-Policy"] == "script-src none;"


@pytest.mark.parametrize(
    ("wanted", "part"),
    [
        ("bytes=0-1", (0, 1)), ("bytes=10-19", (10, 19)), ("bytes=9990-9999", (9990, 9999)), ("bytes=0-", (0, 9999)),
        ("bytes=9998-", (9998, 9999)), ("bytes=0-9999", (0, 9999)),
    ],
)  # fmt: skip
@pytest.mark.parametrize("encryption", [True, False])
@pytest.mark.parametrize("way", ["download", "view"])
def test_a_range_is_answered_in_part(
    api: Caller, put: Any, way: str, encryption: bool, wanted: str, part: tuple[int, int]
) -> None:
    put(TEXT, encryption=encryption, compression="gzip" if encryption else "none")
    answer = api.call("GET", f"{FILE}/{way}", headers={"Range": wanted})
    assert (answer.status_code, answer.data) == (206, TEXT[part[0] : part[1] + 1])
    assert answer.headers["Content-Range"] == f"bytes {part[0]}-{part[1]}/10000"
    assert answer.headers["Accept-Ranges"] == "bytes"
    assert answer.headers["Content-Length"] == str(part[1] + 1 - part[0])


@pytest.mark.parametrize(
    "wanted",
    [
        "bytes=-5", "bytes=5", "bytes=5-5", "bytes=9-5", "bytes=0-10000", "bytes=9999-", "bytes=10000-", "bytes=a-b",
        "items=0-5", "bytes=0-1,4-5", "bytes=", "bytes=0-" + "9" * 30, "bytes= 0-5", "x",
    ],
)  # fmt: skip
def test_a_range_that_cannot_be_had_is_416(api: Caller, put: Any, wanted: str) -> None:
    put(TEXT)
    answer = api.call("GET", f"{FILE}/download", headers={"Range": wanted})
    assert (answer.status_code, answer.json["type"]) == (416, "storage_invalid_range")


def test_a_range_with_an_open_end_is_capped(api: Caller, put: Any) -> None:
    content = bytes(4 * CHUNK + 100)
    put(content, encryption=False)
    for way, most in (("download", 10_485_760), ("view", 20_000_000)):
        answer = api.call("GET", f"{FILE}/{way}", headers={"Range": "bytes=50-"})
        assert answer.headers["Content-Range"] == f"bytes 50-{50 + most - 1}/{len(content)}"
        assert len(answer.data) == most


def test_an_empty_file_is_a_file(api: Caller, put: Any) -> None:
    put(b"")
    assert api.get(FILE)["sizeOriginal"] == 0
    answer = api.call("GET", f"{FILE}/download")
    assert (answer.status_code, answer.data, answer.headers["Content-Length"]) == (200, b"", "0")
    assert api.refused("GET", f"{FILE}/view", headers={"Range": "bytes=0-"}) == (416, "storage_invalid_range")


def test_a_guest_gets_what_anybody_may_read(api: Caller, guest: Caller, put: Any) -> None:
    put(TEXT, permissions=['read("any")'], fileSecurity=True)
    assert guest.call("GET", f"{FILE}/view").data == TEXT
    by_address = Caller(guest.client.application, project="")
    assert by_address.call("GET", f"{FILE}/view", query_string={"project": "default"}).data == TEXT
    api.call("PUT", FILE, {"permissions": []})
    assert guest.refused("GET", f"{FILE}/view") == (404, "storage_file_not_found")
    api.call("PUT", f"{BUCKETS}/b", {"name": "B"})
    assert guest.refused("GET", f"{FILE}/view") == (401, "user_unauthorized")
    api.call("PUT", f"{BUCKETS}/b", {"name": "B", "enabled": False})
    assert guest.refused("GET", f"{FILE}/view") == (404, "storage_bucket_not_found")


def test_the_picture_of_a_push_message_is_shown_to_whoever_holds_its_link(
    app: Flask, workshop: Workshop, actor: Actor, put: Any, clock: FakeClock, api: Caller
) -> None:
    content = picture("PNG")
    put(content, "a.png")
    with workshop.open(actor) as work:
        url = file_links.push_image_url(work, "b", "f", START + file_links.VALID_FOR)
    path = url.partition("/v1")[2]
    device = Caller(app, project="")
    answer = device.call("GET", path)
    assert (answer.status_code, answer.data, answer.headers["Content-Type"]) == (200, content, "image/png")
    assert answer.headers["Content-Disposition"] == 'inline; filename="a.png"'
    assert device.call("GET", path, headers={"Range": "bytes=0-9"}).status_code == 206
    for wrong in (path[:-3], path.partition("&jwt")[0], f"{FILE}/push", path.replace("/files/f/", "/files/g/")):
        assert device.refused("GET", wrong) == (401, "user_unauthorized")
    clock.move(15 * 86_400)
    assert device.refused("GET", path) == (401, "user_unauthorized")
    clock.move(-86_400)
    api.call("PUT", f"{BUCKETS}/b", {"name": "B", "enabled": False})
    assert device.refused("GET", path) == (404, "storage_bucket_not_found")


def test_a_file_is_renamed_and_its_permissions_are_changed(api: Caller, put: Any) -> None:
    put(TEXT, permissions=['read("any")'])
    changed = api.call("PUT", FILE, {"name": "new.txt"}).json
    assert (changed["name"], changed["key"], changed["$permissions"]) == ("new.txt", "new.txt", ['read("any")'])
    changed = api.call("PUT", FILE, {"permissions": ['write("users")']}).json
    assert (changed["name"], changed["$permissions"]) == ("new.txt", ['update("users")', 'delete("users")'])
    for wrong in ({"name": ""}, {"name": "x" * 129}, {"name": "a\nb"}, {"permissions": ['create("any")']}):
        assert api.refused("PUT", FILE, wrong) == (400, "general_argument_invalid")


def test_files_are_filtered_ordered_and_searched(api: Caller, workshop: Workshop, actor: Actor) -> None:
    api.post(BUCKETS, bucketId="b", name="B")
    for id, name, folder, content in (
        ("one", "one.txt", "a/", b"1"), ("two", "two.txt", "a/b/", b"22"), ("three", "three.png", "", picture("PNG")),
    ):  # fmt: skip
        receive(workshop, actor, Incoming("b", io.BytesIO(content), name, id, folder=folder))

    def ids(*queries: dict[str, Any], **more: Any) -> list[str]:
        return [row["$id"] for row in api.get(f"{BUCKETS}/b/files", *map(json.dumps, queries), **more)["files"]]

    assert ids({"method": "equal", "attribute": "folder", "values": ["a/"]}) == ["one"]
    assert ids({"method": "startsWith", "attribute": "folder", "values": ["a/"]}) == ["one", "two"]
    assert ids({"method": "equal", "attribute": "mimeType", "values": ["image/png"]}) == ["three"]
    assert ids({"method": "lessThan", "attribute": "sizeOriginal", "values": [3]}) == ["one", "two"]
    assert ids({"method": "orderDesc", "attribute": "name"}) == ["two", "three", "one"]
    assert ids({"method": "equal", "attribute": "chunksUploaded", "values": [1]}, search="two") == ["two"]
    assert ids(search='"three.png"') == ["three"]


@pytest.mark.parametrize("path", ["", "/download", "/view", "/push"])
def test_a_file_that_is_not_there_is_not_found(api: Caller, path: str) -> None:
    expected = (401, "user_unauthorized") if path == "/push" else (404, "storage_bucket_not_found")
    assert api.refused("GET", FILE + path) == expected
    api.post(BUCKETS, bucketId="b", name="B")
    expected = (401, "user_unauthorized") if path == "/push" else (404, "storage_file_not_found")
    assert api.refused("GET", FILE + path) == expected


def test_deleting_is_limited_for_whoever_has_no_key(api: Caller, guest: Caller, put: Any) -> None:
    put(TEXT, permissions=['delete("any")'], fileSecurity=True)
    answer = guest.call("DELETE", FILE, {})
    assert (answer.status_code, answer.headers["X-RateLimit-Limit"]) == (204, "60")
    assert answer.headers["X-RateLimit-Remaining"] == "59"
