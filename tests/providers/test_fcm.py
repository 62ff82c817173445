"""FCM: what is written for a notification, what Google's answers mean, and the sign-in."""

import asyncio
import json
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from app.domain.rendered import Recipient, RenderedPush
from app.emulators.fcm import FcmEmulator
from app.infra.google_sign_in import KeyFile
from app.providers.base import Account, Envelope
from app.providers.fcm import PROVIDER, Fcm, message_of, outcome_of, payload_size
from app.providers.http import HttpReply, Item
from tests.providers.contract import Recorder
from tests.providers.http_rig import HttpRig, json_of

PAYLOADS = Path(__file__).parent / "payloads" / "fcm"
PRIVATE = generate_private_key(65537, 2048)
KEY = PRIVATE.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
PUBLIC = PRIVATE.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
FILE = {
    "type": "service_account",
    "project_id": "acme-app",
    "private_key_id": "0123456789abcdef",
    "private_key": KEY,
    "client_email": "carillon@acme-app.iam.gserviceaccount.com",
    "token_uri": "https://oauth2.googleapis.com/token",
}
GOOD = {"serviceAccountJSON": FILE}
DEVICE = "device-token"
RIG = HttpRig(
    PROVIDER,
    FcmEmulator,
    GOOD,
    tuple(KEY.splitlines()[1:-1]),
    key_of=lambda row: json_of(row)["message"]["android"]["notification"]["tag"],
)
FULL = RenderedPush(
    title="Your order", body="It is on its way", data={"order": 17, "gift": True, "tags": ["a", "ü"], "note": "x"},
    action="https://example.org/orders/17", image="https://example.org/van.png", icon="van", sound="bell",
    color="#0A7cff", tag="order-17", badge=3, priority="high", channel_id="orders",
)  # fmt: skip


def write(push, token="device-token", key="d1.m1"):
    return message_of(push, token, key)


def refusal(push):
    outcome = PROVIDER.refuse(Account("key", GOOD), Item(0, "d1.m1", Recipient("device-token"), push))
    return outcome and (outcome.kind.value, outcome.reason.value, outcome.detail)


def read(name, status, **headers):
    return outcome_of(HttpReply(status, headers, next(PAYLOADS.glob(f"{name}.*")).read_bytes()))


# ours → theirs


def test_every_field_stands_where_each_platform_looks_for_it():
    assert write(FULL) == {
        "token": "device-token",
        "notification": {
            "title": "Your order", "body": "It is on its way", "image": "https://example.org/van.png",
        },
        "data": {"order": "17", "gift": "true", "tags": '["a","ü"]', "note": "x"},
        "android": {
            "priority": "high",
            "notification": {
                "icon": "van", "color": "#0A7cff", "sound": "bell", "tag": "order-17",
                "click_action": "https://example.org/orders/17", "image": "https://example.org/van.png",
                "channel_id": "orders", "notification_count": 3,
            },
        },
        "apns": {
            "headers": {"apns-push-type": "alert", "apns-priority": "10", "apns-collapse-id": "order-17"},
            "payload": {
                "aps": {
                    "badge": 3, "sound": "bell", "category": "https://example.org/orders/17", "mutable-content": 1,
                },
            },
            "fcm_options": {"image": "https://example.org/van.png"},
        },
        "webpush": {
            "notification": {"icon": "van", "image": "https://example.org/van.png", "tag": "order-17"},
            "fcm_options": {"link": "https://example.org/orders/17"},
        },
    }  # fmt: skip


def test_the_request_goes_to_the_project_of_the_file():
    item = Item(0, "d1.m1", Recipient("device-token"), RenderedPush("Hi"))
    request = PROVIDER.request(Account("key", GOOD), [item])
    assert (request.method, request.path) == ("POST", "/v1/projects/acme-app/messages:send")
    assert json.loads(request.body) == {"message": write(RenderedPush("Hi"))}


def test_a_project_cannot_lead_to_another_path():
    values = {"serviceAccountJSON": {**FILE, "project_id": "../../evil?x="}}
    item = Item(0, "k", Recipient("t"), RenderedPush("Hi"))
    assert PROVIDER.request(Account("key", values), [item]).path == ("/v1/projects/..%2F..%2Fevil%3Fx%3D/messages:send")


def test_data_that_is_no_text_does_not_fail_for_everyone():
    data = write(RenderedPush("Hi", data={"a": 1, "b": None, "c": {"d": [1.5, False]}, "e": "1"}))["data"]
    assert data == {"a": "1", "b": "null", "c": '{"d":[1.5,false]}', "e": "1"}


def test_critical_that_is_off_does_not_become_a_critical_alert():
    quiet = write(RenderedPush("Hi", sound="bell", critical=False))["apns"]["payload"]["aps"]
    assert quiet == {"sound": "bell"}
    loud = write(RenderedPush("Hi", critical=True))["apns"]["payload"]["aps"]
    assert loud["sound"] == {"critical": 1, "name": "default", "volume": 1.0}
    assert loud["interruption-level"] == "critical"


def test_a_silent_push_is_not_declared_as_an_alert():
    message = write(RenderedPush(content_available=True, data={"sync": "now"}, image="https://example.org/x.png"))
    assert message["apns"] == {
        "headers": {"apns-push-type": "background", "apns-priority": "5"},
        "payload": {"aps": {"content-available": 1}},
    }
    assert message["android"] == {"priority": "high"}
    assert "notification" not in message
    assert "webpush" not in message


def test_a_second_copy_does_not_stand_beside_the_first():
    message = write(RenderedPush("Hi"))
    assert message["android"]["notification"]["tag"] == "d1.m1"
    assert message["webpush"]["notification"]["tag"] == "d1.m1"
    assert message["apns"]["headers"]["apns-collapse-id"] == "d1.m1"


def test_a_badge_of_zero_clears_and_none_leaves_it_alone():
    assert write(RenderedPush("Hi", badge=0))["apns"]["payload"]["aps"]["badge"] == 0
    assert write(RenderedPush("Hi", badge=0))["android"]["notification"]["notification_count"] == 0
    assert "badge" not in json.dumps(write(RenderedPush("Hi")))
    assert "notification_count" not in write(RenderedPush("Hi", badge=-1))["android"]["notification"]


@pytest.mark.parametrize("action", ["OPEN_ORDER", "http://example.org", "javascript:alert(1)"])
def test_an_action_that_is_no_https_address_is_not_made_a_link(action):
    assert "fcm_options" not in write(RenderedPush("Hi", action=action))["webpush"]


def test_a_message_at_the_limit_goes_and_one_byte_more_does_not():
    def body(size):
        return RenderedPush("", "ü" * (size // 2) + "x" * (size % 2))

    room = 4096 - len("body")
    assert payload_size(body(room)) == 4096
    assert refusal(body(room)) is None
    assert refusal(body(room + 1)) == (
        "message_permanent", "too_large", "The notification has 4,097 bytes with its data; FCM takes at most 4,096.",
    )  # fmt: skip


@pytest.mark.parametrize("key", ["from", "message_type", "google", "google.c.a", "gcm.n.e"])
def test_a_data_key_of_googles_is_refused_before_it_fails_for_everyone(key):
    assert refusal(RenderedPush("Hi", data={key: "x"}))[:2] == ("message_permanent", "content_rejected")


@pytest.mark.parametrize("key", ["fromage", "sender", "a.google", ""])
def test_other_data_keys_are_fine(key):
    assert refusal(RenderedPush("Hi", data={key: "x"})) is None


@pytest.mark.parametrize("color", ["red", "#fff", "#12345g", "0a7cff", "#0a7cff\n"])
def test_a_color_that_is_none_is_refused_with_the_right_form(color):
    assert "#rrggbb" in refusal(RenderedPush("Hi", color=color))[2]


@pytest.mark.parametrize("push", [RenderedPush("half \ud800"), RenderedPush("Hi", data={"a": "\udfff"})])
def test_what_cannot_be_written_fails_alone_and_raises_nothing(push):
    class Broken:
        def render(self, recipient):
            return push if recipient.name == "Broken" else RenderedPush("Hi")

    told = Recorder()
    nowhere = Account("nowhere", GOOD, "http://127.0.0.1:1", side_endpoints={"token": "http://127.0.0.1:1/token"})
    people = [Envelope("k1", Recipient(DEVICE, "Broken")), Envelope("k2", Recipient(DEVICE, "Ann"))]
    asyncio.run(PROVIDER.send(nowhere, Broken(), people, told))
    assert [told.outcomes[index].kind.value for index in range(2)] == ["message_permanent", "transient"]


# theirs → ours


def test_an_accepted_message_keeps_its_id():
    outcome = read("sent", 200)
    assert outcome.kind == "accepted"
    assert outcome.provider_message_id == "projects/acme-app/messages/0:1500415314455276%31bd1c9631bd1c96"


@pytest.mark.parametrize(
    ("name", "status", "kind", "reason", "code"),
    [
        ("unregistered", 404, "recipient_permanent", "token_retired", "404 UNREGISTERED"),
        ("invalid_token", 400, "recipient_permanent", "invalid_address", "400 INVALID_ARGUMENT"),
        ("invalid_token_field", 400, "recipient_permanent", "invalid_address", "400 INVALID_ARGUMENT"),
        ("sender_mismatch", 403, "recipient_permanent", "token_foreign", "403 SENDER_ID_MISMATCH"),
        ("invalid_data", 400, "message_permanent", "content_rejected", "400 INVALID_ARGUMENT"),
        ("too_big", 400, "message_permanent", "too_large", "400 INVALID_ARGUMENT"),
        ("permission_denied", 403, "config_permanent", "authentication_failed", "403 PERMISSION_DENIED"),
        ("unauthenticated", 401, "config_permanent", "authentication_failed", "401 UNAUTHENTICATED"),
        ("third_party", 401, "message_permanent", "not_configured", "401 THIRD_PARTY_AUTH_ERROR"),
        ("quota", 429, "throttled", "rate_limited", "429 QUOTA_EXCEEDED"),
        ("exhausted", 429, "throttled", "rate_limited", "429 RESOURCE_EXHAUSTED"),
        ("unavailable", 503, "transient", "server_error", "503 UNAVAILABLE"),
        ("internal", 500, "transient", "server_error", "500 INTERNAL"),
        ("bad_gateway", 502, "transient", "server_error", "502"),
    ],
)
def test_each_answer_of_the_documentation_has_its_class(name, status, kind, reason, code):
    outcome = read(name, status)
    assert (outcome.kind.value, outcome.reason.value, outcome.code) == (kind, reason, code)
    assert outcome.detail


def test_a_wrong_project_does_not_kill_good_tokens():
    assert read("wrong_project", 404).kind == "config_permanent"


def test_a_number_in_the_text_of_an_error_decides_nothing():
    assert read("internal", 500).kind == "transient", "the text quotes 404 and 429"


def test_what_google_asks_to_wait_is_not_ignored():
    assert read("quota", 429, **{"retry-after": "90"}).retry_after == timedelta(seconds=90)
    assert read("unavailable", 503, **{"retry-after": "12"}).retry_after == timedelta(seconds=12)
    assert read("quota", 429).retry_after == timedelta(minutes=1)
    assert read("unavailable", 503).retry_after is None


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b'{"name": 7}', b"<html>", b'{"name": ""}'])
def test_a_yes_that_cannot_be_read_is_not_taken_for_one(body):
    assert outcome_of(HttpReply(200, {}, body)).kind == "uncertain"


@pytest.mark.parametrize(
    "error",
    [None, 7, "no", [], {"details": 3}, {"details": [3, {"@type": 4, "fieldViolations": [1, {}]}]}, {"code": {}}],
)
def test_an_error_of_any_shape_has_a_class(error):
    assert outcome_of(HttpReply(400, {}, json.dumps({"error": error}).encode())).kind == "message_permanent"


def test_one_mix_up_of_projects_does_not_kill_every_token():
    provider, account = Fcm(), Account("fresh", GOOD)
    foreign = HttpReply(403, {}, (PAYLOADS / "sender_mismatch.json").read_bytes())
    items = [Item(0, "k", Recipient("t"), RenderedPush("Hi"))]
    kinds = [provider.outcomes(account, items, foreign)[0].kind.value for _ in range(5)]
    assert kinds == ["message_permanent"] * 4 + ["config_permanent"]


# the settings


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"project_id": ""}, "lacks project_id"),
        ({"client_email": 7}, "client_email"),
        ({"private_key": None}, "private_key"),
        ({"private_key": "nonsense"}, "private_key in the service account JSON cannot be used"),
        ({"token_uri": "https://oauth2.googleapis.com.evil.example/token"}, "is not Google's"),
        ({"token_uri": "http://oauth2.googleapis.com/token"}, "is not Google's"),
        ({"token_uri": "https://oauth2.googleapis.com:8443/token"}, "is not Google's"),
        ({"token_uri": "https://me@oauth2.googleapis.com/token"}, "is not Google's"),
        ({"token_uri": "http://169.254.169.254/token"}, "is not Google's"),
        ({"token_uri": "https://[::1"}, "is not Google's"),
    ],
)
def test_a_file_that_cannot_work_is_said_before_anything_is_sent(changes, words):
    [sentence] = PROVIDER.check({"serviceAccountJSON": {**FILE, **changes}})["serviceAccountJSON"]
    assert words in sentence
    assert sentence.endswith(".")
    assert "MII" not in sentence


def test_the_old_token_address_and_a_missing_one_are_fine():
    old = {**FILE, "token_uri": "https://www.googleapis.com/oauth2/v4/token"}
    assert PROVIDER.check({"serviceAccountJSON": old}) == {}
    assert KeyFile.read({**FILE, "token_uri": None}).trusted_uri() == "https://oauth2.googleapis.com/token"


def test_the_key_is_not_in_any_repr():
    assert "PRIVATE" not in repr(KeyFile.read(FILE))
    assert "PRIVATE" not in repr(Account("key", GOOD))
