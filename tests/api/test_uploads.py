"""Uploads over the API: whole, in chunks of any order and at once, resumed; and everything that cannot come in."""

import hashlib
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask import Flask

from app.domain.byte_ranges import CHUNK
from app.domain.errors import Conflict
from app.infra.settings import Settings
from app.services.storage import file_sweeps, uploads
from app.services.work import Workshop
from app.storage import open_store
from tests.api.caller import Caller
from tests.api.conftest import MakeKey
from tests.conftest import FakeClock

BUCKETS = "/storage/buckets"
FILES = BUCKETS + "/b/files"
LARGE = bytes(range(256)) * (2 * CHUNK // 256) + b"the end"  # three chunks


@pytest.fixture
def bucket(api: Caller) -> dict[str, Any]:
    return api.post(BUCKETS, bucketId="b", name="Pictures")


def multipart(content: bytes | None, name: str, fields: dict[str, Any]) -> bytes:
    """The body as the SDKs write it; without a file when there is no content."""
    parts = [
        f'--edge\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n' for key, value in fields.items()
    ]
    body = "".join(parts).encode()
    if content is not None:
        head = f'--edge\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'
        body += head.encode() + content + b"\r\n"
    return body + b"--edge--\r\n"


def send(
    api: Caller, content: bytes | None, name: str = "a.txt", *, headers: dict[str, str] | None = None, **fields: Any
) -> Any:
    body = multipart(content, name, {"fileId": "unique()"} | fields)
    return api.call("POST", FILES, data=body, content_type="multipart/form-data; boundary=edge", headers=headers)


def send_chunk(api: Caller, number: int, content: bytes = LARGE, *, id: str = "f", name: str = "a.bin") -> Any:
    start = (number - 1) * CHUNK
    part = content[start : start + CHUNK]
    headers = {"Content-Range": f"bytes {start}-{start + len(part) - 1}/{len(content)}", "X-Appwrite-ID": id}
    return send(api, part, name, headers=headers, fileId=id)


def stored(shop: Workshop) -> list[str]:
    return open_store(shop.settings).keys("buckets")


def download(api: Caller, id: str) -> bytes:
    answer = api.call("GET", f"{FILES}/{id}/download")
    assert answer.status_code == 200, answer.text
    return answer.data


@pytest.mark.usefixtures("bucket")
def test_a_small_file_comes_in_one_piece(api: Caller) -> None:
    answer = send(api, b"hello", "Grüße.txt", folder="notes/2026")
    made = answer.json
    assert answer.status_code == 201
    assert made | {"$id": ""} == {
        "$id": "", "$createdAt": "2026-11-21T09:00:00.000+00:00", "$updatedAt": "2026-11-21T09:00:00.000+00:00",
        "$permissions": [], "name": "Grüße.txt", "bucketId": "b", "folder": "notes/2026/",
        "key": "notes/2026/Grüße.txt", "signature": hashlib.md5(b"hello").hexdigest(), "mimeType": "text/plain",
        "sizeOriginal": 5, "sizeActual": made["sizeActual"], "chunksTotal": 1, "chunksUploaded": 1,
        "encryption": True, "compression": "none",
    }  # fmt: skip
    assert api.get(f"{FILES}/{made['$id']}") == made
    assert download(api, made["$id"]) == b"hello"


@pytest.mark.parametrize("order", [(1, 2, 3), (3, 1, 2), (2, 3, 1)])
@pytest.mark.usefixtures("bucket")
def test_chunks_come_in_any_order(api: Caller, workshop: Workshop, order: tuple[int, ...]) -> None:
    answers = [send_chunk(api, number) for number in order]
    assert [answer.status_code for answer in answers] == [201, 201, 201]
    assert [answer.json["chunksUploaded"] for answer in answers] == [1, 2, 3]
    assert [answer.json["signature"] for answer in answers[:2]] == ["", ""]
    assert answers[2].json["signature"] == hashlib.md5(LARGE).hexdigest()
    assert download(api, "f") == LARGE
    assert len(stored(workshop)) == 1


@pytest.mark.usefixtures("bucket")
def test_chunks_come_all_at_once(app: Flask, api: Caller, make_key: MakeKey, workshop: Workshop) -> None:
    content = LARGE + bytes(2 * CHUNK)
    total = -(-len(content) // CHUNK)
    key = make_key()
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda number: send_chunk(Caller(app, key), number, content), range(1, total + 1)))
    assert {answer.status_code for answer in answers} == {201}
    assert max(answer.json["chunksUploaded"] for answer in answers) == total
    assert download(api, "f") == content
    assert len(stored(workshop)) == 1


@pytest.mark.usefixtures("bucket")
def test_a_chunk_that_comes_twice_counts_once(api: Caller, workshop: Workshop) -> None:
    counts = [send_chunk(api, number).json["chunksUploaded"] for number in (1, 1, 2, 2)]
    assert counts == [1, 1, 2, 2]
    assert len(stored(workshop)) == 2
    assert api.get(f"{FILES}/f")["sizeActual"] == 0


@pytest.mark.usefixtures("bucket")
def test_a_chunk_after_the_last_one_answers_200_with_the_file(api: Caller) -> None:
    for number in (1, 2, 3):
        done = send_chunk(api, number).json
    again = send_chunk(api, 2)
    assert (again.status_code, again.json) == (200, done)


@pytest.mark.usefixtures("bucket")
def test_a_resumed_upload_is_told_where_the_first_gap_is(api: Caller) -> None:
    send_chunk(api, 1)
    send_chunk(api, 3)
    pending = api.get(f"{FILES}/f")
    assert (pending["chunksUploaded"], pending["chunksTotal"], pending["mimeType"]) == (1, 3, "")
    for number in (2, 3):  # as an SDK goes on from there
        last = send_chunk(api, number).json
    assert (last["chunksUploaded"], download(api, "f")) == (3, LARGE)


@pytest.mark.usefixtures("bucket")
def test_an_upload_whose_last_worker_was_killed_is_finished_by_the_next_chunk(
    api: Caller, clock: FakeClock, workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in (1, 2):
        send_chunk(api, number)
    with monkeypatch.context() as killed:
        killed.setattr("app.services.storage.uploads._assemble", _die)
        with pytest.raises(SystemExit):
            send_chunk(api, 3)
    assert api.get(f"{FILES}/f")["chunksUploaded"] == 2
    busy = send_chunk(api, 3)
    assert (busy.status_code, busy.json["type"], busy.headers["Retry-After"]) == (
        429, "general_rate_limit_exceeded", "5",
    )  # fmt: skip
    clock.move(301)
    assert send_chunk(api, 3).json["chunksUploaded"] == 3
    assert download(api, "f") == LARGE
    assert len(stored(workshop)) == 1


def _die(*_: Any) -> Any:
    raise SystemExit


@pytest.mark.usefixtures("bucket")
def test_a_store_that_fails_leaves_nothing_behind(
    api: Caller, workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = workshop.settings.data_dir / "files" / "buckets"
    folder.parent.mkdir(exist_ok=True)
    folder.write_text("a file where the store wants a folder")
    assert api.refused(
        "POST", FILES, data=multipart(b"x", "a", {"fileId": "f"}), content_type="multipart/form-data; boundary=edge"
    ) == (503, "general_server_error")
    assert api.get(FILES)["total"] == 0
    folder.unlink()
    assert send(api, b"x", fileId="f").status_code == 201


def test_an_upload_that_loses_every_race_for_its_row_is_told_when_to_come_again(
    api: Caller, bucket: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Losing one race is usual (the row is found at the next try); this is what losing all of them looks like."""

    def lose(*_: Any) -> Any:
        raise Conflict("Somebody saved the same thing at the same moment.")

    monkeypatch.setattr(uploads, "admit", lose)
    answer = send(api, b"x", fileId="f")
    assert (answer.status_code, answer.json["type"]) == (429, "general_rate_limit_exceeded")
    assert answer.headers["Retry-After"] == "5"
    monkeypatch.undo()
    assert (api.get(FILES)["total"], bucket["totalSize"]) == (0, 0)
    assert send(api, b"x", fileId="f").status_code == 201


@pytest.mark.parametrize(
    ("fields", "headers", "expected"),
    [
        ({"fileId": "../f"}, {}, (400, "general_argument_invalid")),
        ({"fileId": "a/b"}, {}, (400, "general_argument_invalid")),
        ({"fileId": "x" * 37}, {}, (400, "general_argument_invalid")),
        ({"folder": "/abs"}, {}, (400, "general_argument_invalid")),
        ({"folder": "a/../b"}, {}, (400, "general_argument_invalid")),
        ({"folder": "a//b"}, {}, (400, "general_argument_invalid")),
        ({"folder": "a\x00b"}, {}, (400, "general_argument_invalid")),
        ({"folder": "ä" * 1024}, {}, (400, "general_argument_invalid")),
        ({"permissions[0]": 'create("any")'}, {}, (400, "general_argument_invalid")),
        ({"permissions[0]": "read(any)"}, {}, (400, "general_argument_invalid")),
        ({"permissions": 'read("any")'}, {}, (400, "general_argument_invalid")),
        ({}, {"Content-Range": "bytes 0-4"}, (400, "storage_invalid_content_range")),
        ({}, {"Content-Range": "bytes 4-0/5"}, (400, "storage_invalid_content_range")),
        ({}, {"Content-Range": "bytes 0-5/4"}, (400, "storage_invalid_content_range")),
        ({}, {"Content-Range": "bytes -1-4/5"}, (400, "storage_invalid_content_range")),
        ({}, {"Content-Range": "bytes 0-4/*"}, (400, "storage_invalid_content_range")),
        ({}, {"Content-Range": "items 0-4/5"}, (400, "storage_invalid_content_range")),
        ({}, {"Content-Range": "bytes 0-5/6"}, (400, "storage_invalid_content_range")),
        ({}, {"Content-Range": "bytes 1-5/6"}, (400, "storage_invalid_content_range")),
        ({}, {"Content-Range": f"bytes 0-4/{CHUNK + 5}"}, (400, "storage_invalid_content_range")),
        ({}, {"Content-Range": "bytes 0-4/" + "9" * 400}, (400, "storage_invalid_content_range")),
        ({}, {"Content-Range": "bytes ٠-4/5"}, (400, "storage_invalid_content_range")),
        ({}, {"Content-Range": "bytes 0-4/5", "X-Appwrite-ID": "unique()"}, (400, "storage_invalid_appwrite_id")),
        ({}, {"Content-Range": "bytes 0-4/5", "X-Appwrite-ID": "../../x"}, (400, "storage_invalid_appwrite_id")),
    ],
)
@pytest.mark.usefixtures("bucket")
def test_what_cannot_be_is_refused_and_leaves_nothing(
    api: Caller, workshop: Workshop, fields: dict[str, str], headers: dict[str, str], expected: tuple[int, str]
) -> None:
    encoded = {name: value.encode().decode("latin-1") for name, value in headers.items()}
    answer = send(api, b"hello", headers=encoded, **fields)
    assert (answer.status_code, answer.json["type"]) == expected
    assert api.get(FILES)["total"] == 0
    assert stored(workshop) == []


@pytest.mark.parametrize("name", ["", "..", ".", "a/..", "x" * 256, "dir/", "a\x07b"])
@pytest.mark.usefixtures("bucket")
def test_a_name_that_is_none_is_refused(api: Caller, workshop: Workshop, name: str) -> None:
    answer = send(api, b"hello", name)
    assert answer.status_code == 400
    assert answer.json["type"] in {"general_argument_invalid", "storage_file_empty"}
    assert stored(workshop) == []


@pytest.mark.parametrize("name", ["../../etc/passwd", "C:\\\\Users\\\\passwd", "/etc/passwd"])
@pytest.mark.usefixtures("bucket")
def test_of_a_path_only_the_last_part_is_the_name(api: Caller, workshop: Workshop, name: str) -> None:
    made = send(api, b"hello", name).json
    assert (made["name"], made["key"]) == ("passwd", "passwd")
    assert all(key.startswith("buckets/1/") for key in stored(workshop))


@pytest.mark.usefixtures("bucket")
def test_a_request_without_a_file_is_said_to_be_empty(api: Caller) -> None:
    answer = send(api, None)
    assert (answer.status_code, answer.json["type"]) == (400, "storage_file_empty")
    assert api.refused("POST", FILES, {"fileId": "a"}) == (400, "storage_file_empty")
    assert api.refused("POST", FILES, {}) == (400, "general_argument_invalid")


@pytest.mark.parametrize("cut", [3, 9, 30, 60, 120, 160, 200, 5_000])
@pytest.mark.usefixtures("bucket")
def test_a_body_that_is_cut_off_is_refused(api: Caller, workshop: Workshop, cut: int) -> None:
    body = multipart(b"x" * 10_000, "a.txt", {"fileId": "f"})[:-cut]
    answer = api.call("POST", FILES, data=body, content_type="multipart/form-data; boundary=edge")
    assert answer.status_code == 400
    assert stored(workshop) == []


@pytest.mark.usefixtures("bucket")
def test_a_body_of_more_than_12_mib_is_too_large(api: Caller, workshop: Workshop) -> None:
    answer = send(api, bytes(12 * 1024 * 1024))
    assert (answer.status_code, answer.json["type"]) == (413, "general_bad_request")
    assert stored(workshop) == []


@pytest.mark.parametrize(("name", "status"), [("a.jpg", 201), ("a.JPG", 201), ("a.exe", 400), ("jpg", 400)])
def test_only_allowed_extensions_come_in(api: Caller, name: str, status: int) -> None:
    api.post(BUCKETS, bucketId="b", name="B", allowedFileExtensions=["jpg", "PNG"])
    answer = send(api, b"x", name)
    assert answer.status_code == status
    if status == 400:
        assert (answer.json["type"], answer.json["message"]) == (
            "storage_file_type_unsupported", "File extension not allowed",
        )  # fmt: skip


def test_the_whole_size_counts_against_the_largest_also_of_a_chunk(api: Caller, workshop: Workshop) -> None:
    api.post(BUCKETS, bucketId="b", name="B", maximumFileSize=CHUNK)
    for answer in (send(api, bytes(CHUNK + 1)), send_chunk(api, 1)):
        assert (answer.status_code, answer.json["type"]) == (400, "storage_invalid_file_size")
    assert send(api, bytes(CHUNK)).status_code == 201
    huge = send(api, bytes(CHUNK), headers={"Content-Range": f"bytes 0-{CHUNK - 1}/{10**17}"})
    assert (huge.status_code, huge.json["type"]) == (400, "storage_invalid_file_size")


@pytest.mark.usefixtures("bucket")
def test_an_id_in_use_is_a_conflict(api: Caller, workshop: Workshop) -> None:
    send(api, b"one", fileId="f")
    assert send(api, b"two", fileId="f").json["type"] == "storage_file_already_exists"
    assert download(api, "f") == b"one"
    send_chunk(api, 1, id="g")
    assert send(api, b"two", fileId="g").status_code == 409
    assert len(stored(workshop)) == 2


@pytest.mark.usefixtures("bucket")
def test_chunks_that_tell_of_another_size_are_refused(api: Caller) -> None:
    send_chunk(api, 1)
    answer = send_chunk(api, 2, LARGE + b"more")
    assert (answer.status_code, answer.json["type"]) == (400, "storage_invalid_content_range")
    assert api.get(f"{FILES}/f")["chunksUploaded"] == 1


@pytest.mark.usefixtures("bucket")
def test_a_pending_file_is_listed_deleted_and_swept_after_a_day(
    api: Caller, workshop: Workshop, clock: FakeClock
) -> None:
    send_chunk(api, 1, id="f")
    send_chunk(api, 1, id="g")
    assert [(row["$id"], row["chunksUploaded"]) for row in api.get(FILES)["files"]] == [("f", 1), ("g", 1)]
    assert api.refused("GET", f"{FILES}/f/download") == (404, "storage_file_not_found")
    api.delete(f"{FILES}/f")
    file_sweeps.sweep(workshop)
    assert len(stored(workshop)) == 1
    clock.move(23 * 3600)
    assert file_sweeps.drop_stale(workshop) == 0
    clock.move(3601)
    assert file_sweeps.drop_stale(workshop) == 1
    assert file_sweeps.sweep(workshop) == 2
    assert (api.get(FILES)["total"], stored(workshop)) == (0, [])


@pytest.mark.usefixtures("bucket")
def test_the_same_upload_with_the_same_key_is_done_once(api: Caller) -> None:
    key = {"Idempotency-Key": "one"}
    first, second = (send(api, b"hello", headers=key) for _ in range(2))
    assert first.json == second.json
    assert second.headers["Idempotency-Replayed"] == "true"
    assert send(api, b"other", headers=key).status_code == 400
    assert api.get(FILES)["total"] == 1


@pytest.mark.usefixtures("bucket")
def test_the_same_upload_at_the_same_moment_is_done_once(api: Caller) -> None:
    key = {"Idempotency-Key": "one"}
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: send(api, b"hello" * 50_000, headers=key), range(12)))
    assert {answer.status_code for answer in answers} <= {201, 429}
    assert len({answer.json["$id"] for answer in answers if answer.status_code == 201}) == 1
    assert api.get(FILES)["total"] == 1


@pytest.mark.usefixtures("bucket")
def test_a_refused_upload_leaves_its_key_free(api: Caller) -> None:
    key = {"Idempotency-Key": "one"}
    assert send(api, None, headers=key).status_code == 400
    assert send(api, b"hello", headers=key).status_code == 201


def test_a_file_is_kept_as_its_bucket_wishes(api: Caller, workshop: Workshop) -> None:
    text = b"all work and no play " * 50_000
    for compression in ("none", "gzip", "zstd"):
        for encryption in (True, False):
            name = f"{compression}-{encryption}"
            api.post(BUCKETS, bucketId=name, name="B", compression=compression, encryption=encryption)
            made = api.call(
                "POST", f"{BUCKETS}/{name}/files", data=multipart(text, "a.txt", {"fileId": "f"}),
                content_type="multipart/form-data; boundary=edge",
            ).json  # fmt: skip
            assert (made["compression"], made["encryption"], made["sizeOriginal"]) == (
                compression,
                encryption,
                len(text),
            )
            key = stored(workshop)[-1]
            lying = b"".join(open_store(workshop.settings).pieces(key))
            assert len(lying) == made["sizeActual"]
            assert (len(lying) < len(text) / 10) == (compression != "none")
            assert (text[:100] in lying) == (compression == "none" and not encryption)
            assert api.call("GET", f"{BUCKETS}/{name}/files/f/download").data == text
            assert api.get(f"{BUCKETS}/{name}")["totalSize"] == len(lying)
            api.delete(f"{BUCKETS}/{name}")
            file_sweeps.sweep(workshop)


def test_a_file_above_20_mb_is_kept_as_it_is(api: Caller) -> None:
    api.post(BUCKETS, bucketId="b", name="B", compression="gzip", encryption=True)
    content = bytes(20_000_001)
    for number in range(1, 5):
        last = send_chunk(api, number, content).json
    assert (last["compression"], last["encryption"], last["sizeActual"]) == ("none", False, len(content))


def test_a_larger_limit_is_a_setting(settings: Settings) -> None:
    assert settings.largest_file == 30_000_000
