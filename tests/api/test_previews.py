"""Previews of files over the API: what they are, who gets them, what is kept and when it is forgotten."""

import io
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from PIL import Image

from app.services.storage import file_previews, file_sweeps
from app.services.work import Workshop
from app.storage import open_store
from tests.api.caller import Caller

BUCKET = "/storage/buckets/b"
FILE = BUCKET + "/files/f"
UNREADABLE, TOO_LARGE = "storage_file_type_unsupported", "storage_image_resolution_exceeded"
Upload = Callable[..., str]


def picture(format: str = "PNG", size: tuple[int, int] = (300, 200), colour: str = "red") -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, colour).save(out, format)
    return out.getvalue()


@pytest.fixture
def upload(api: Caller) -> Upload:
    """Put a file into the bucket; its path."""

    def put(content: bytes, name: str = "a.png", *, id: str = "f", **fields: Any) -> str:
        form = {"fileId": id, "file": (io.BytesIO(content), name)} | fields
        answer = api.call("POST", BUCKET + "/files", data=form, content_type="multipart/form-data")
        assert answer.status_code == 201, answer.text
        return f"{BUCKET}/files/{id}"

    api.post("/storage/buckets", bucketId="b", name="Pictures", fileSecurity=True)
    return put


def preview(api: Caller, path: str = FILE, **wish: Any) -> Any:
    answer = api.call("GET", path + "/preview", query_string=wish)
    assert answer.status_code == 200, answer.text
    return answer


def opened(answer: Any) -> Image.Image:
    image = Image.open(io.BytesIO(answer.data))
    image.load()
    return image


def kept(shop: Workshop) -> list[str]:
    return open_store(shop.settings).keys("previews")


def test_a_preview_is_made_once_and_kept(api: Caller, upload: Upload, workshop: Workshop) -> None:
    upload(picture())
    first, second = preview(api, width=30), preview(api, width="30")
    assert opened(first).size == (30, 20)
    assert first.data == second.data
    assert [answer.headers["X-Appwrite-Cache"] for answer in (first, second)] == ["miss", "hit"]
    assert {answer.headers["Cache-Control"] for answer in (first, second)} == {"private, max-age=2592000"}
    assert {answer.headers["Content-Type"] for answer in (first, second)} == {"image/png"}
    assert len(kept(workshop)) == 1
    assert preview(api, width=31).headers["X-Appwrite-Cache"] == "miss"


def test_every_parameter_has_its_effect(api: Caller, upload: Upload) -> None:
    upload(picture())
    answer = preview(
        api, width=100, height=100, gravity="top-left", quality=80, borderWidth=2, borderColor="00f", borderRadius=10,
        opacity="0.5", rotation=-90, background="fff", output="png", token="whatever",
    )  # fmt: skip
    image = opened(answer)
    assert (image.size, image.getpixel((52, 0)), image.getpixel((0, 0))[3]) == ((104, 104), (0, 0, 255, 255), 0)
    assert image.getpixel((52, 52)) == (255, 127, 127, 255)


@pytest.mark.parametrize(
    ("name", "format", "mime_type"),
    [
        ("a.png", "PNG", "image/png"), ("a.PNG", "PNG", "image/png"), ("a.jpg", "PNG", "image/jpeg"),
        ("a.jfif", "JPEG", "image/jpeg"), ("a.webp", "WEBP", "image/webp"), ("a.gif", "GIF", "image/gif"),
        ("a.heic", "HEIF", "image/heic"), ("a.avif", "AVIF", "image/avif"), ("photo", "PNG", "image/png"),
        ("photo", "HEIF", "image/heic"), ("a.bmp", "BMP", "image/jpeg"), ("a.tar.webp", "PNG", "image/webp"),
    ],
)  # fmt: skip
def test_the_type_follows_from_the_file_when_nobody_says(
    api: Caller, upload: Upload, name: str, format: str, mime_type: str
) -> None:
    upload(picture(format), name)
    answer = preview(api, width=20)
    assert answer.headers["Content-Type"] == mime_type
    assert opened(answer).format in {mime_type.partition("/")[2].upper(), "HEIF"}


@pytest.mark.parametrize("output", ["jpg", "jpeg", "png", "webp", "heic", "avif", "gif"])
def test_every_output_can_be_asked_for(api: Caller, upload: Upload, output: str) -> None:
    upload(picture("JPEG"), "a.jpg")
    answer = preview(api, width=40, output=output)
    assert answer.headers["Content-Type"] == "image/" + output.replace("jpg", "jpeg")
    assert opened(answer).size == (40, 27)


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        ("width", "-1"), ("width", "4001"), ("width", "300.0"), ("width", "x"), ("width", ""), ("height", "4001"),
        ("gravity", "middle"), ("quality", "-2"), ("quality", "101"), ("borderWidth", "101"), ("borderColor", "#fff"),
        ("borderColor", "ffff"), ("borderColor", "ggg"), ("borderRadius", "4001"), ("opacity", "1.1"),
        ("opacity", "-0.1"), ("opacity", "nan"), ("opacity", "inf"), ("opacity", "1e-1"), ("rotation", "361"),
        ("rotation", "-361"), ("background", "white"), ("output", "PNG"), ("output", "svg"), ("output", "bmp"),
        ("token", "x" * 513),
    ],
)  # fmt: skip
def test_a_wrong_parameter_is_named(api: Caller, upload: Upload, parameter: str, value: str) -> None:
    upload(picture())
    answer = api.call("GET", FILE + "/preview", query_string={parameter: value})
    assert (answer.status_code, answer.json["type"]) == (400, "general_argument_invalid")
    assert answer.json["message"].startswith(f"Invalid `{parameter}` param: ")


def test_gravity_is_read_in_any_case_and_auto_is_one(api: Caller, upload: Upload) -> None:
    upload(picture())
    for gravity in ("CENTER", "Top-Left", "auto"):
        assert opened(preview(api, width=10, height=10, gravity=gravity)).size == (10, 10)


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (b"hello", "a.txt"), (b"%PDF-1.7\n", "a.pdf"), (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "a.svg"),
        (b"\x1aE\xdf\xa3 webm", "a.webm"), (picture("BMP"), "a.bmp"), (picture("TIFF"), "a.tiff"),
    ],
)  # fmt: skip
def test_what_is_no_image_gets_an_icon(api: Caller, upload: Upload, content: bytes, name: str) -> None:
    upload(content, name)
    answer = preview(api, width=64, height=64)
    image = opened(answer)
    assert (answer.headers["Content-Type"], image.size) == ("image/jpeg", (64, 64))
    assert all(abs(one - two) < 8 for one, two in zip(image.getpixel((0, 0)), (0xEC, 0xEF, 0xF1), strict=True))


def test_a_video_has_an_icon_of_its_own(api: Caller, upload: Upload) -> None:
    upload(b"\x1aE\xdf\xa3 webm", "a.webm")
    upload(b"hello", "a.txt", id="t")
    assert preview(api, output="png").data != preview(api, BUCKET + "/files/t", output="png").data


def test_an_image_above_20_megabytes_gets_an_icon(api: Caller, upload: Upload, monkeypatch: pytest.MonkeyPatch) -> None:
    upload(picture())
    monkeypatch.setattr(file_previews, "LARGEST_SOURCE", 10)
    assert opened(preview(api)).size == (512, 512)


@pytest.mark.parametrize(
    ("content", "type"),
    [
        (picture()[:100], UNREADABLE), (b"\x89PNG\r\n\x1a\n<script>", UNREADABLE), (b"GIF89a", UNREADABLE),
        (picture("GIF")[:6] + b"\xff\xff\xff\xff" + picture("GIF")[10:], TOO_LARGE),
    ],
)  # fmt: skip
def test_what_cannot_be_drawn_is_refused(
    api: Caller, upload: Upload, workshop: Workshop, content: bytes, type: str
) -> None:
    upload(content)
    assert api.refused("GET", FILE + "/preview", query_string={"width": 10}) == (400, type)
    assert kept(workshop) == []


def test_a_file_that_is_not_there_has_no_preview(api: Caller, upload: Upload) -> None:
    assert api.refused("GET", FILE + "/preview") == (404, "storage_file_not_found")
    upload(picture())
    assert api.refused("GET", "/storage/buckets/x/files/f/preview") == (404, "storage_bucket_not_found")


def test_permission_is_asked_for_on_a_hit_too(api: Caller, app: Flask, upload: Upload) -> None:
    guest = Caller(app)
    upload(picture(), **{"permissions[0]": 'read("any")'})
    for cached in ("miss", "hit"):
        assert preview(guest).headers["X-Appwrite-Cache"] == cached
    api.call("PUT", FILE, {"permissions": []})
    assert guest.refused("GET", FILE + "/preview") == (404, "storage_file_not_found")
    assert preview(api).headers["X-Appwrite-Cache"] == "hit"


def test_a_bucket_may_make_no_previews_but_for_keys(api: Caller, app: Flask, upload: Upload) -> None:
    upload(picture(), **{"permissions[0]": 'read("any")'})
    rules = {"name": "Pictures", "fileSecurity": True, "transformations": False}
    assert api.call("PUT", BUCKET, rules).status_code == 200
    refused = Caller(app).refused("GET", FILE + "/preview")
    assert refused == (403, "storage_bucket_transformations_disabled")
    assert opened(preview(api)).size == (300, 200)


def test_deleting_a_file_takes_its_previews_away(api: Caller, upload: Upload, workshop: Workshop) -> None:
    upload(picture())
    preview(api)
    api.delete(FILE)
    file_sweeps.sweep(workshop)
    assert kept(workshop) == []
    assert api.refused("GET", FILE + "/preview") == (404, "storage_file_not_found")


def test_a_file_that_is_deleted_while_its_preview_is_drawn_leaves_none(
    api: Caller, upload: Upload, workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload(picture())
    draw = file_previews.render

    def delete_and_draw(*given: Any) -> bytes:
        api.delete(FILE)
        return draw(*given)

    monkeypatch.setattr(file_previews, "render", delete_and_draw)
    assert opened(preview(api)).size == (300, 200)
    assert kept(workshop) == []


def test_asking_for_many_sizes_fills_no_disk(
    api: Caller, upload: Upload, workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_previews, "MOST_KEPT", 3)
    monkeypatch.setattr(file_previews, "LARGEST_KEPT", 1_000)
    upload(picture())
    for width in range(1, 9):
        preview(api, width=width)
        assert 1 <= len(kept(workshop)) <= 3
    assert preview(api, width=4000).headers["X-Appwrite-Cache"] == "miss"
    assert preview(api, width=4000).headers["X-Appwrite-Cache"] == "miss"


def test_a_preview_that_cannot_be_kept_is_shown_all_the_same(api: Caller, upload: Upload, workshop: Workshop) -> None:
    upload(picture())
    (workshop.settings.data_dir / "files" / "previews").write_text("a file where the folder should be")
    for _ in range(2):
        answer = preview(api)
        assert (answer.headers["X-Appwrite-Cache"], opened(answer).size) == ("miss", (300, 200))
