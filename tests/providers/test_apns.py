"""APNs: what is written for a notification, what Apple's answers mean, and the provider token."""

import asyncio
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key as generate_rsa_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from app.domain.rendered import Recipient, RenderedPush
from app.emulators.apns import ApnsEmulator
from app.providers.apns import PROVIDER, Apns, headers_of, outcome_of, payload_of
from app.providers.base import Account, Envelope
from app.providers.http import HttpReply, Item
from tests.providers.contract import Recorder
from tests.providers.http_rig import HttpRig

PAYLOADS = Path(__file__).parent / "payloads" / "apns"
PRIVATE = generate_private_key(SECP256R1())
KEY = PRIVATE.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
PUBLIC = PRIVATE.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
GOOD = {
    "authKey": KEY, "authKeyId": "2X9R4HXF34", "teamId": "A1B2C3D4E5", "bundleId": "com.example.app", "sandbox": False,
}  # fmt: skip
UNTIL = datetime(2026, 12, 19, 9, 0, tzinfo=UTC)
DEVICE = "00fc13adff785122b4ad28809a3420982341241421348097878e577c991de8f0"


def header_of(row, name):
    """A header of the request that a row of the outbox came with."""
    head = row.request.partition(b"\r\n\r\n")[0].decode()
    return dict(line.split(": ", 1) for line in head.splitlines()[1:])[name]


RIG = HttpRig(
    PROVIDER, ApnsEmulator, GOOD, tuple(KEY.splitlines()[1:-1]), key_of=lambda row: header_of(row, "apns-collapse-id")
)
FULL = RenderedPush(
    title="Your order", body="It is on its way", data={"order": 17, "deep": {"a": [1, None]}}, action="OPEN_ORDER",
    image="https://example.org/van.png", icon="van", sound="bell", color="#0a7cff", tag="order-17", badge=3,
    content_available=True, priority="normal",
)  # fmt: skip


def headers(push, key="d1.m1"):
    return headers_of(push, "com.example.app", key, UNTIL)


def refusal(push):
    outcome = PROVIDER.refuse(Account("key", GOOD), Item(0, "d1.m1", Recipient(DEVICE), push))
    return outcome and (outcome.kind.value, outcome.reason.value, outcome.detail)


def reply(status, reason, **more):
    return HttpReply(status, {}, json.dumps({"reason": reason, **more}).encode())


# ours → theirs


def test_every_field_stands_where_ios_looks_for_it():
    assert payload_of(FULL) == {
        "image": "https://example.org/van.png",
        "order": 17,
        "deep": {"a": [1, None]},
        "aps": {
            "alert": {"title": "Your order", "body": "It is on its way"},
            "badge": 3,
            "sound": "bell",
            "category": "OPEN_ORDER",
            "content-available": 1,
            "mutable-content": 1,
        },
    }


def test_the_headers_say_what_the_payload_is():
    assert headers(FULL) == {
        "apns-topic": "com.example.app",
        "apns-push-type": "alert",
        "apns-priority": "5",
        "apns-expiration": "1797670800",
        "apns-id": headers(FULL)["apns-id"],
        "apns-collapse-id": "order-17",
    }


def test_the_request_goes_to_the_device():
    request = PROVIDER.request(Account("key", GOOD), [Item(0, "d1.m1", Recipient(DEVICE), RenderedPush("Grüße"))])
    assert (request.method, request.path) == ("POST", f"/3/device/{DEVICE}")
    assert request.body == '{"aps":{"alert":{"title":"Grüße"}}}'.encode()


def test_a_device_token_cannot_lead_to_another_path():
    item = Item(0, "k", Recipient("../../evil?x=\r\ny"), RenderedPush("Hi"))
    assert PROVIDER.request(Account("key", GOOD), [item]).path == "/3/device/..%2F..%2Fevil%3Fx%3D%0D%0Ay"


@pytest.mark.parametrize(("sandbox", "host"), [(True, "api.sandbox.push.apple.com"), (False, "api.push.apple.com")])
def test_the_environment_decides_the_address(sandbox, host):
    assert PROVIDER.base_url(Account("key", {**GOOD, "sandbox": sandbox})) == f"https://{host}"


def test_priority_is_not_hidden_in_the_payload():
    assert headers(RenderedPush("Hi", priority="high"))["apns-priority"] == "10"
    assert headers(RenderedPush("Hi", priority="normal"))["apns-priority"] == "5"
    assert "headers" not in payload_of(RenderedPush("Hi"))


def test_a_silent_push_is_not_declared_as_an_alert():
    push = RenderedPush(content_available=True, data={"sync": "now"}, priority="high", tag="x")
    assert payload_of(push) == {"sync": "now", "aps": {"content-available": 1}}
    assert headers(push)["apns-push-type"] == "background"
    assert headers(push)["apns-priority"] == "5"
    assert "apns-collapse-id" not in headers(push)


@pytest.mark.parametrize("push", [RenderedPush(badge=0), RenderedPush(sound="bell"), RenderedPush(critical=True)])
def test_what_a_person_notices_is_not_declared_as_silent(push):
    noticed = replace(push, content_available=True)
    assert headers(noticed)["apns-push-type"] == "alert"
    assert payload_of(noticed)["aps"]["content-available"] == 1


def test_custom_data_is_not_put_inside_aps():
    payload = payload_of(RenderedPush("Hi", data={"a": 1}))
    assert payload["a"] == 1
    assert set(payload["aps"]) == {"alert"}


def test_custom_data_cannot_replace_aps():
    assert refusal(RenderedPush("Hi", data={"aps": {"alert": "x"}}))[:2] == ("message_permanent", "content_rejected")


def test_the_authors_own_image_key_stays_the_authors():
    push = RenderedPush("Hi", data={"image": "mine"}, image="https://example.org/x.png")
    assert payload_of(push)["image"] == "mine"


def test_critical_that_is_off_does_not_become_a_critical_alert():
    assert payload_of(RenderedPush("Hi", sound="bell", critical=False))["aps"]["sound"] == "bell"
    loud = payload_of(RenderedPush("Hi", sound="alarm", critical=True))["aps"]
    assert loud["sound"] == {"critical": 1, "name": "alarm", "volume": 1.0}
    assert loud["interruption-level"] == "critical"


def test_an_expiration_is_not_a_moment_in_1970():
    item = Item(0, "d1.m1", Recipient(DEVICE), RenderedPush("Hi"))
    until = int(PROVIDER.request(Account("key", GOOD), [item]).headers["apns-expiration"])
    assert until > datetime.now(UTC).timestamp() + 27 * 86400


def test_the_id_is_the_same_for_every_try_of_a_delivery_and_no_other():
    first, again, other = (headers(RenderedPush("Hi"), key)["apns-id"] for key in ("d1.m1", "d1.m1", "d2.m1"))
    assert first == again == "".join(first).lower()
    assert first != other
    assert len(first) == 36


def test_a_second_copy_does_not_stand_beside_the_first():
    assert headers(RenderedPush("Hi"))["apns-collapse-id"] == "d1.m1"


@pytest.mark.parametrize("tag", ["x" * 65, "ü", "two\nlines", " edge ", "tab\t"])
def test_a_tag_that_is_no_header_is_replaced_by_its_digest(tag):
    value = headers(RenderedPush("Hi", tag=tag))["apns-collapse-id"]
    assert len(value) == 64
    assert value.isalnum()
    assert value == headers(RenderedPush("Hi", tag=tag), "d9")["apns-collapse-id"]


def test_a_message_at_the_limit_goes_and_one_byte_more_does_not():
    room = 4096 - len('{"aps":{"alert":{"body":""}}}')
    assert refusal(RenderedPush("", "x" * room)) is None
    assert refusal(RenderedPush("", "x" * (room - 1) + "ü")) == (
        "message_permanent", "too_large", "The notification has 4,097 bytes with its data; Apple takes at most 4,096.",
    )  # fmt: skip


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


@pytest.mark.parametrize(
    ("status", "reason", "kind"),
    [line.split() for line in (PAYLOADS / "all.txt").read_text().splitlines() if not line.startswith("#")],
)
def test_each_reason_of_apples_table_has_its_class(status, reason, kind):
    outcome = outcome_of(reply(int(status), reason))
    assert (outcome.kind.value, outcome.code) == (kind, f"{status} {reason}")
    assert outcome.detail == reason


@pytest.mark.parametrize("name", ["Unregistered", "ExpiredToken"])
def test_a_token_that_is_gone_is_never_kept(name):
    outcome = outcome_of(HttpReply(410, {}, (PAYLOADS / f"{name}.json").read_bytes()))
    assert (outcome.kind, outcome.reason) == ("recipient_permanent", "token_retired")
    assert outcome.dead_since == datetime(2025, 11, 20, 10, 0, tzinfo=UTC)
    assert outcome.detail == f"{name} since 2025-11-20 10:00:00 UTC"


@pytest.mark.parametrize("timestamp", [None, "x", -1, 0, 1 << 60, 1.5, True, []])
def test_a_moment_that_makes_no_sense_is_left_out(timestamp):
    assert outcome_of(reply(410, "Unregistered", timestamp=timestamp)).dead_since is None


def test_an_accepted_notification_keeps_its_id():
    name = "EADDDAC9-6B3C-4B0B-9B35-6A7E5A8B8B33"
    assert outcome_of(HttpReply(200, {"apns-id": name})).provider_message_id == name


def test_a_yes_that_does_not_come_from_apple_is_not_taken_for_one():
    assert outcome_of(HttpReply(200, {}, b"<html>")).kind == "uncertain"


def test_one_busy_device_does_not_slow_the_others_down():
    assert outcome_of(reply(429, "TooManyRequests")).reason == "greylisted"
    assert outcome_of(reply(429, "TooManyProviderTokenUpdates")).reason == "rate_limited"
    assert outcome_of(reply(429, "TooManyProviderTokenUpdates")).retry_after == timedelta(minutes=20)


@pytest.mark.parametrize("body", [b"", b"[]", b'{"reason": 7}', b'{"reason": null}', b"<html>", b'{"reason": "New"}'])
def test_an_answer_of_any_shape_has_a_class(body):
    assert outcome_of(HttpReply(400, {}, body)).kind == "message_permanent"
    assert outcome_of(HttpReply(503, {"retry-after": "3"}, body)).retry_after == timedelta(seconds=3)


def test_one_mix_up_of_environments_does_not_kill_every_token():
    provider, account = Apns(), Account("fresh", GOOD)
    items = [Item(0, "k", Recipient(DEVICE), RenderedPush("Hi"))]
    kinds = [provider.outcomes(account, items, reply(400, "BadDeviceToken"))[0].kind.value for _ in range(5)]
    assert kinds == ["message_permanent"] * 4 + ["config_permanent"]


def test_a_bad_token_among_good_ones_is_dead():
    provider, account = Apns(), Account("proven", GOOD)
    items = [Item(0, "k", Recipient(DEVICE), RenderedPush("Hi"))]
    provider.outcomes(account, items, HttpReply(200, {"apns-id": "x"}))
    assert provider.outcomes(account, items, reply(400, "BadDeviceToken"))[0].kind == "recipient_permanent"


# the settings


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("authKeyId", "short", "ten letters and digits"),
        ("teamId", "A1B2C3D4E5F", "ten letters and digits"),
        ("bundleId", "com.example app", "letters, digits, dots and hyphens"),
        ("bundleId", "com.exämple", "letters, digits, dots and hyphens"),
        ("authKey", "nonsense", "-----BEGIN"),
        ("authKey", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "cannot be used"),
    ],
)
def test_settings_that_cannot_work_are_said_before_anything_is_sent(name, value, words):
    [sentence] = PROVIDER.check({**GOOD, name: value})[name]
    assert words in sentence
    assert sentence.endswith(".")


def test_a_key_of_the_wrong_kind_says_so():
    rsa = generate_rsa_key(65537, 2048).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    assert "P-256" in PROVIDER.check({**GOOD, "authKey": rsa})["authKey"][0]
