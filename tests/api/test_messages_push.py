"""Push notifications over the API: the status table row by row, every field, the image, every error, the preview."""

from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest

from app.services.work import Workshop
from tests.api.caller import Caller
from tests.conftest import START, FakeClock
from tests.factories import make_file

MESSAGES, PUSH, PREVIEW = "/messaging/messages", "/messaging/messages/push", "/messaging/preview"
LATER, STILL_LATER = "2026-11-22T09:00:00.000+00:00", "2026-11-23T09:00:00.000+00:00"
NEW = {"messageId": "m", "title": "Hello", "body": "It rains in {{ city | town }}"}
EVERYTHING: dict[str, Any] = {
    "data": {"order": 7, "deep": {"a": [1, None]}}, "action": "OPEN", "icon": "bell", "sound": "ping", "color": "#fff",
    "tag": "rain", "badge": 3, "contentAvailable": True, "critical": True, "priority": "normal", "channelId": "weather",
}  # fmt: skip


@pytest.fixture
def target(api: Caller) -> str:
    """Ann's device."""
    api.post("/users", userId="ann", name="Ann", email="ann@example.org")
    made = api.post("/users/ann/targets", targetId="phone", providerType="push", identifier="token-of-ann")
    return str(made["$id"])


@pytest.fixture
def images(workshop: Workshop) -> None:
    """A file of each kind in the bucket `b`, called after its ending."""
    kinds = {"png": "image/png", "jpeg": "image/jpeg", "bmp": "image/bmp", "gif": "image/gif", "txt": "text/plain"}
    with workshop.database.begin() as session:
        for name, mime_type in kinds.items():
            make_file(session, f"a.{name}", id=name, mime_type=mime_type)
        make_file(session, "b.png", id="half", mime_type="image/png", is_whole=False)


def ends_at(url: str) -> datetime:
    """When the address of an image stops working."""
    token = parse_qs(urlsplit(url).query)["jwt"][0]
    return datetime.fromtimestamp(jwt.decode(token, options={"verify_signature": False})["exp"], UTC)


def test_a_draft_has_every_field_that_is_not_empty(api: Caller, target: str) -> None:
    made = api.post(PUSH, **NEW, draft=True, topics=["t"], users=["u"], targets=[target])
    assert made == {
        "$id": "m", "$createdAt": "2026-11-21T09:00:00.000+00:00", "$updatedAt": "2026-11-21T09:00:00.000+00:00",
        "providerType": "push", "topics": ["t"], "users": ["u"], "targets": [target], "scheduledAt": None,
        "deliveredAt": None, "deliveryErrors": [], "deliveredTotal": 0, "status": "draft",
        "data": {"title": "Hello", "body": NEW["body"], "priority": "high"},
    }  # fmt: skip
    assert api.get(f"{MESSAGES}/m") == made
    assert api.get(MESSAGES, search="hello")["messages"] == [made]
    assert [row["identifier"] for row in api.get(f"{MESSAGES}/m/targets")["targets"]] == ["token-of-ann"]


def test_everything_that_a_push_can_have_is_kept_and_told(api: Caller) -> None:
    made = api.post(PUSH, **NEW, **EVERYTHING, draft=True)
    assert made["data"] == {"title": "Hello", "body": NEW["body"]} | EVERYTHING


def test_what_is_empty_is_not_told(api: Caller) -> None:
    empty = {"data": {}, "badge": -1, "contentAvailable": False, "critical": False, "title": None, "image": None}
    assert api.post(PUSH, messageId="m", draft=True, **empty)["data"] == {"priority": "high"}


def test_a_badge_of_zero_clears_and_is_told(api: Caller) -> None:
    assert api.post(PUSH, **NEW, draft=True, badge=0)["data"]["badge"] == 0


@pytest.mark.parametrize(
    ("data", "kept"), [('{"a": 1}', {"a": 1}), ([], None), ("{}", None), ({"a": {"b": []}}, {"a": {"b": []}})]
)
def test_data_is_an_object_or_a_string_of_one(api: Caller, data: Any, kept: Any) -> None:
    assert api.post(PUSH, **NEW, draft=True, data=data)["data"].get("data") == kept


@pytest.mark.usefixtures("images")
@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"messageId": "used"}, (409, "message_already_exists")),
        ({"topics": []}, (400, "message_missing_target")),
        ({"targets": ["nobody"]}, (400, "message_target_not_push")),
        ({"targets": ["nobody"], "draft": True}, (400, "message_target_not_push")),
        ({"targets": ["phone", "phone"]}, (400, "message_target_not_push")),
        ({"targets": ["EMAIL"]}, (400, "message_target_not_push")),
        ({"scheduledAt": "2026-11-21T08:59:59Z"}, (400, "general_argument_invalid")),
        ({"title": ""}, (400, "general_argument_invalid")),
        ({"title": "x" * 257}, (400, "general_argument_invalid")),
        ({"body": "x" * 64_231}, (400, "general_argument_invalid")),
        ({"data": "text"}, (400, "general_argument_invalid")),
        ({"data": [1]}, (400, "general_argument_invalid")),
        ({"data": {"a": "x" * 64_231}}, (400, "general_argument_invalid")),
        ({"data": {"a": "\0"}}, (400, "general_argument_invalid")),
        ({"sound": "a\nb"}, (400, "general_argument_invalid")),
        ({"icon": "x" * 257}, (400, "general_argument_invalid")),
        ({"badge": 1.0}, (400, "general_argument_invalid")),
        ({"badge": "1"}, (400, "general_argument_invalid")),
        ({"badge": True}, (400, "general_argument_invalid")),
        ({"badge": 2**31}, (400, "general_argument_invalid")),
        ({"critical": "true"}, (400, "general_argument_invalid")),
        ({"priority": "urgent"}, (400, "general_argument_invalid")),
        ({"image": "b"}, (400, "general_argument_invalid")),
        ({"image": ["b:png"]}, (400, "general_argument_invalid")),
        ({"image": "no:png"}, (404, "storage_bucket_not_found")),
        ({"image": "b:no"}, (404, "storage_bucket_not_found")),
        ({"image": "b:half"}, (404, "storage_bucket_not_found")),
        ({"image": "b:gif"}, (400, "storage_file_type_unsupported")),
        ({"image": "b:txt"}, (400, "storage_file_type_unsupported")),
    ],
)
def test_a_message_that_cannot_be_is_refused_and_not_made(
    api: Caller, target: str, change: dict[str, Any], expected: tuple[int, str]
) -> None:
    api.post(PUSH, messageId="used", draft=True)
    if change.get("targets") == ["EMAIL"]:
        others = api.get("/users/ann")["targets"]
        change = {"targets": [each["$id"] for each in others if each["$id"] != target]}
    assert api.refused("POST", PUSH, NEW | {"topics": ["news"]} | change) == expected
    assert api.get(MESSAGES)["total"] == 1


def test_data_that_nests_without_end_is_refused(api: Caller) -> None:
    deep: dict[str, Any] = {}
    for _ in range(200):
        deep = {"a": deep}
    assert api.refused("POST", PUSH, NEW | {"draft": True, "data": deep}) == (400, "general_argument_invalid")


def test_an_update_takes_back_what_it_names(api: Caller) -> None:
    api.post(PUSH, **NEW, **EVERYTHING, draft=True)
    changed = api.patch(f"{PUSH}/m", badge=-1, critical=False, contentAvailable=False, data={}, priority="HIGH")
    gone = {"badge", "critical", "contentAvailable", "data"}
    kept = {key: value for key, value in EVERYTHING.items() if key not in gone}
    assert changed["data"] == {"title": "Hello", "body": NEW["body"]} | kept | {"priority": "high"}


@pytest.mark.usefixtures("images")
@pytest.mark.parametrize("name", ["png", "jpeg", "bmp"])
def test_an_image_has_an_address_for_devices(api: Caller, name: str) -> None:
    image = api.post(PUSH, **NEW, topics=["news"], image=f"b:{name}")["data"]["image"]
    assert (image["bucketId"], image["fileId"]) == ("b", name)
    parts = urlsplit(image["url"])
    assert parts.path == f"/v1/storage/buckets/b/files/{name}/push"
    assert parse_qs(parts.query)["project"] == ["default"]
    assert ends_at(image["url"]) == START + timedelta(days=15)


@pytest.mark.usefixtures("images")
def test_the_address_of_an_image_lives_until_fifteen_days_after_the_message_went_out(
    api: Caller, clock: FakeClock
) -> None:
    made = api.post(PUSH, **NEW, topics=["news"], draft=True, image="b:png")
    assert ends_at(made["data"]["image"]["url"]) == START + timedelta(days=15)
    scheduled = api.patch(f"{PUSH}/m", scheduledAt=LATER)
    assert ends_at(scheduled["data"]["image"]["url"]) == START + timedelta(days=16)
    moved = api.patch(f"{PUSH}/m", scheduledAt=STILL_LATER, image="b:jpeg")
    assert (moved["data"]["image"]["fileId"], ends_at(moved["data"]["image"]["url"])) == (
        "jpeg", START + timedelta(days=17),
    )  # fmt: skip
    clock.move(3600)
    back = api.patch(f"{PUSH}/m", draft=True)
    assert ends_at(back["data"]["image"]["url"]) == START + timedelta(days=17)


@pytest.mark.usefixtures("images")
def test_a_draft_that_waited_for_weeks_goes_out_with_a_fresh_address(api: Caller, clock: FakeClock) -> None:
    api.post(PUSH, **NEW, topics=["news"], draft=True, image="b:png")
    clock.move(30 * 86_400)
    sent = api.patch(f"{PUSH}/m", draft=False)
    assert ends_at(sent["data"]["image"]["url"]) == START + timedelta(days=45)


@pytest.mark.usefixtures("images")
@pytest.mark.parametrize(
    ("image", "expected"),
    [("b:no", (404, "storage_bucket_not_found")), ("b:gif", (400, "storage_file_type_unsupported"))],
)
def test_an_image_is_looked_at_on_update_too(api: Caller, image: str, expected: tuple[int, str]) -> None:
    api.post(PUSH, **NEW, draft=True, image="b:png")
    assert api.refused("PATCH", f"{PUSH}/m", {"title": "New", "image": image}) == expected
    kept = api.get(f"{MESSAGES}/m")["data"]
    assert (kept["title"], kept["image"]["fileId"]) == ("Hello", "png")


@pytest.mark.usefixtures("images")
def test_a_preview_is_what_would_be_sent(api: Caller, target: str) -> None:
    shown = api.post(
        PREVIEW, 200, providerType="push", title="Hi {{ name }}", data={"who": "{{ nick }}"}, image="b:png",
        targetId=target, action="https://x.example/{{ name }}",
    )  # fmt: skip
    assert "/files/png/push?" in shown.pop("image")
    assert shown == {
        "providerType": "push", "identifier": "token-of-ann", "userName": "Ann", "missing": ["nick"],
        "priority": "high", "title": "Hi Ann", "data": {"who": ""}, "action": "https://x.example/Ann",
    }  # fmt: skip


@pytest.mark.usefixtures("images")
@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"targetId": "no"}, (404, "user_target_not_found")),
        ({"image": "b:no"}, (404, "storage_bucket_not_found")),
        ({"image": "b:gif"}, (400, "storage_file_type_unsupported")),
        ({"sound": "a\nb"}, (400, "general_argument_invalid")),
    ],
)
def test_a_preview_that_cannot_be_is_refused(api: Caller, body: dict[str, Any], expected: tuple[int, str]) -> None:
    assert api.refused("POST", PREVIEW, {"providerType": "push", "title": "a"} | body) == expected


def test_a_device_opens_the_image_with_nothing_but_its_address(api: Caller) -> None:
    png = b"\x89PNG\r\n\x1a\n" + bytes(64)
    api.post("/storage/buckets", bucketId="photos", name="Photos")
    sent = {"fileId": "rain", "file": (BytesIO(png), "rain.png")}
    uploaded = api.call("POST", "/storage/buckets/photos/files", data=sent, content_type="multipart/form-data")
    assert (uploaded.status_code, (uploaded.json or {})["mimeType"]) == (201, "image/png")
    image = api.post(PUSH, **NEW, topics=["news"], image="photos:rain")["data"]["image"]
    parts = urlsplit(image["url"])
    opened = api.client.get(f"{parts.path}?{parts.query}")
    assert (opened.status_code, opened.data) == (200, png)
