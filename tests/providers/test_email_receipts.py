"""Receipts of the email services: the payloads of their documentation, signed as they sign, and what each comes to."""

import base64
import hmac
import json
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from app.domain.delivery_tags import tag_of
from app.domain.outcomes import Reason
from app.domain.receipts import HookRequest, NotProven, NotUnderstood
from app.providers import get
from app.providers.base import Account

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
STAMP = str(int(NOW.timestamp()))
KEY = "17.message_1"
SIGNER = ec.generate_private_key(ec.SECP256R1())
PUBLIC = base64.b64encode(SIGNER.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()
SECRET = "whsec_" + base64.b64encode(b"a secret of the webhook").decode()
VALUES = {
    "mailgun": {"webhookSigningKey": "signing-key"},
    "sendgrid": {"webhookPublicKey": PUBLIC},
    "resend": {"webhookSecret": SECRET},
}
KINDS = sorted(VALUES)


def mailgun(event="delivered", stamp=STAMP, token="t" * 50, **data):
    signature = hmac.digest(b"signing-key", (stamp + token).encode(), "sha256").hex()
    event_data = {
        "event": event, "timestamp": NOW.timestamp(), "id": "CPgfbmQMTCKtHW6uIWtuVe", "recipient": "ann@example.com",
        "user-variables": {"delivery": KEY}, "message": {"headers": {"message-id": "abc@mg.example.org"}}, **data,
    }  # fmt: skip
    proof = {"timestamp": stamp, "token": token, "signature": signature}
    return HookRequest(NOW, json.dumps({"signature": proof, "event-data": event_data}).encode())


def sendgrid(*events, stamp=STAMP):
    body = json.dumps([
        {"email": "ann@example.com", "timestamp": int(NOW.timestamp()), "sg_event_id": f"e{index}", "delivery": KEY,
         "sg_message_id": "14c5d75ce93.dfd.64b469.filter0001.16648.0", **event}
        for index, event in enumerate(events or [{"event": "delivered"}])
    ]).encode()  # fmt: skip
    signature = base64.b64encode(SIGNER.sign(stamp.encode() + body, ec.ECDSA(SHA256()))).decode()
    start = "x-twilio-email-event-webhook-"
    return HookRequest(NOW, body, {f"{start}signature": signature, f"{start}timestamp": stamp})


def resend(kind="email.delivered", stamp=STAMP, tags=None, **data):
    body = json.dumps({
        "type": kind, "created_at": "2026-11-21T08:59:58.000Z",
        "data": {"email_id": "56761188-7520", "to": ["ann@example.com"], "tags": tags or {"delivery": tag_of(KEY)}}
        | data,
    }).encode()  # fmt: skip
    signed = f"msg_1.{stamp}.".encode() + body
    proof = base64.b64encode(hmac.digest(b"a secret of the webhook", signed, "sha256")).decode()
    return HookRequest(NOW, body, {"svix-id": "msg_1", "svix-timestamp": stamp, "svix-signature": f"v1,{proof}"})


HOOKS = {"mailgun": mailgun, "sendgrid": sendgrid, "resend": resend}


def told(kind, hook, **values):
    return get(kind).receipts(Account("key", VALUES[kind] | values), hook)


def verdicts(kind, hook):
    return [(each.event.value, each.reason) for each in told(kind, hook)]


@pytest.mark.parametrize("kind", KINDS)
def test_a_delivered_email_is_told_with_our_key_and_everything_known(kind):
    (receipt,) = told(kind, HOOKS[kind]())
    assert (receipt.event, receipt.delivery_key, receipt.address) == ("delivered", KEY, "ann@example.com")
    assert receipt.is_proven
    assert "" not in (receipt.event_id, receipt.provider_message_id)
    assert abs(receipt.at - NOW) < timedelta(seconds=5)
    assert KEY in receipt.raw or tag_of(KEY) in receipt.raw


@pytest.mark.parametrize("kind", KINDS)
def test_a_changed_body_a_wrong_key_and_none_at_all_prove_nothing(kind):
    hook = HOOKS[kind]()
    name = next(iter(VALUES[kind]))
    broken = [
        (hook, {name: "another"}), (hook, {name: ""}), (HookRequest(NOW, b"{}"), {}), (HookRequest(NOW, b"[]"), {}),
        (HookRequest(NOW, b""), {}), (HookRequest(NOW, b"\xff\x00", hook.headers), {}),
    ]  # fmt: skip
    if kind != "mailgun":  # its signature does not cover the body
        broken.append((HookRequest(NOW, hook.body + b" ", hook.headers), {}))
    for request, values in broken:
        with pytest.raises((NotProven, NotUnderstood)):
            told(kind, request, **values)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("days", [-2, 2])
def test_a_signature_of_another_day_proves_nothing(kind, days):
    stamp = str(int((NOW + timedelta(days=days)).timestamp()))
    with pytest.raises(NotProven):
        told(kind, HOOKS[kind](stamp=stamp))


@pytest.mark.parametrize(
    ("event", "data", "verdict"),
    [
        ("accepted", {}, ("accepted", None)),
        ("rejected", {"reject": {"reason": "Old list"}}, ("failed", Reason.CONTENT_REJECTED)),
        ("failed", {"severity": "temporary", "delivery-status": {"code": 452}}, ("deferred", None)),
        (
            "failed",
            {"severity": "permanent", "reason": "bounce", "delivery-status": {"code": 550, "message": "5.1.1 Unknown"}},
            ("bounced", Reason.MAILBOX_UNKNOWN),
        ),
        (
            "failed",
            {"severity": "permanent", "reason": "bounce", "delivery-status": {"code": 550, "message": "5.7.1 Policy"}},
            ("failed", Reason.CONTENT_REJECTED),
        ),
        ("failed", {"severity": "permanent", "reason": "suppress-bounce"}, ("bounced", Reason.MAILBOX_UNKNOWN)),
        (
            "failed",
            {"severity": "permanent", "reason": "generic", "delivery-status": {"code": 605}},
            ("bounced", Reason.MAILBOX_UNKNOWN),
        ),
        ("failed", {"severity": "permanent", "reason": "suppress-unsubscribe"}, ("failed", Reason.OPTED_OUT)),
        ("failed", {"severity": "permanent", "reason": "old"}, ("expired", Reason.EXPIRED)),
        ("failed", {"severity": "permanent", "reason": "generic"}, ("failed", Reason.UNDELIVERED)),
        ("opened", {}, ("opened", None)),
        ("clicked", {}, ("clicked", None)),
        ("unsubscribed", {}, ("unsubscribed", None)),
        ("complained", {}, ("complained", None)),
        ("list_member_uploaded", {}, ("unknown", None)),
    ],
)
def test_what_mailgun_tells(event, data, verdict):
    assert verdicts("mailgun", mailgun(event, **data)) == [verdict]


def test_mailgun_s_token_is_what_repeats_are_known_by():
    assert told("mailgun", mailgun())[0].event_id == "t" * 50


@pytest.mark.parametrize(
    ("event", "verdict"),
    [
        ({"event": "processed"}, ("accepted", None)),
        ({"event": "deferred", "response": "452 try later"}, ("deferred", None)),
        (
            {"event": "bounce", "type": "bounce", "status": "5.1.1", "reason": "550 5.1.1 The account does not exist"},
            ("bounced", Reason.MAILBOX_UNKNOWN),
        ),
        (
            {"event": "bounce", "type": "bounce", "status": "5.7.1", "reason": "550 5.7.1 Blocked by policy"},
            ("failed", Reason.CONTENT_REJECTED),
        ),
        ({"event": "bounce", "type": "bounce", "status": "5.0.0"}, ("bounced", Reason.MAILBOX_UNKNOWN)),
        ({"event": "bounce", "type": "blocked", "reason": "550 5.1.1"}, ("failed", Reason.CONTENT_REJECTED)),
        ({"event": "bounce", "bounce_classification": "Technical"}, ("failed", Reason.CONTENT_REJECTED)),
        ({"event": "dropped", "reason": "Bounced Address"}, ("bounced", Reason.MAILBOX_UNKNOWN)),
        ({"event": "dropped", "reason": "Unsubscribed Address"}, ("failed", Reason.OPTED_OUT)),
        ({"event": "dropped", "reason": "Spam Content"}, ("failed", Reason.CONTENT_REJECTED)),
        ({"event": "open"}, ("opened", None)),
        ({"event": "click"}, ("clicked", None)),
        ({"event": "spamreport"}, ("complained", None)),
        ({"event": "group_unsubscribe"}, ("unsubscribed", None)),
        ({"event": "group_resubscribe"}, ("unknown", None)),
    ],
)  # fmt: skip
def test_what_sendgrid_tells(event, verdict):
    assert verdicts("sendgrid", sendgrid(event)) == [verdict]


def test_sendgrid_tells_many_at_once_and_each_is_kept_with_its_own_words():
    receipts = told("sendgrid", sendgrid({"event": "processed"}, {"event": "delivered"}))
    assert [(each.event.value, each.event_id, each.provider_message_id) for each in receipts] == [
        ("accepted", "e0", "14c5d75ce93"), ("delivered", "e1", "14c5d75ce93"),
    ]  # fmt: skip
    assert [json.loads(each.raw)["event"] for each in receipts] == ["processed", "delivered"]


def test_a_verification_key_that_is_none_is_refused_in_words():
    problems = get("sendgrid").check({"webhookPublicKey": "abc"})
    assert problems["webhookPublicKey"][0].endswith(".")
    assert "webhookPublicKey" not in get("sendgrid").check({"webhookPublicKey": PUBLIC})


@pytest.mark.parametrize(
    ("kind", "data", "verdict"),
    [
        ("email.sent", {}, ("sent", None)),
        ("email.delivery_delayed", {}, ("deferred", None)),
        ("email.bounced", {"bounce": {"type": "Permanent", "subType": "General"}}, ("bounced", Reason.MAILBOX_UNKNOWN)),
        ("email.bounced", {"bounce": {"type": "Transient", "subType": "MailboxFull"}}, ("failed", Reason.MAILBOX_FULL)),
        ("email.bounced", {"bounce": {"type": "Permanent", "subType": "MailboxFull"}}, ("failed", Reason.MAILBOX_FULL)),
        ("email.bounced", {}, ("failed", Reason.UNDELIVERED)),
        ("email.suppressed", {"suppressed": {"reason": "previous_bounce"}}, ("bounced", Reason.MAILBOX_UNKNOWN)),
        ("email.suppressed", {"suppressed": {"reason": "previous_complaint"}}, ("failed", Reason.OPTED_OUT)),
        ("email.failed", {"failed": {"reason": "reached_daily_quota"}}, ("failed", Reason.UNDELIVERED)),
        ("email.complained", {}, ("complained", None)),
        ("email.opened", {}, ("opened", None)),
        ("email.clicked", {}, ("clicked", None)),
        ("contact.created", {"tags": None}, ("unknown", None)),
    ],
)  # fmt: skip
def test_what_resend_tells(kind, data, verdict):
    assert verdicts("resend", resend(kind, **data)) == [verdict]


@pytest.mark.parametrize("tags", [[{"name": "delivery", "value": tag_of(KEY)}], {"delivery": tag_of(KEY), "a": "b"}])
def test_resend_s_tags_bring_our_key_back_in_either_form(tags):
    assert told("resend", resend(tags=tags))[0].delivery_key == KEY


@pytest.mark.parametrize("junk", [None, 7, "x", [], [[]], {"delivery-status": 1, "user-variables": 5, "message": []}])
@pytest.mark.parametrize("kind", KINDS)
def test_shapes_that_nobody_documented_are_no_fault_of_ours(kind, junk):
    data = junk if isinstance(junk, dict) else {"delivery-status": junk, "user-variables": junk, "message": junk}
    match kind:
        case "mailgun":
            hook = mailgun("failed", severity="permanent", reason=junk, **data)
        case "sendgrid":
            hook = sendgrid({"event": junk, "status": junk, "reason": junk, "timestamp": junk, "email": junk})
        case _:
            hook = resend("email.bounced", tags=junk, bounce=junk, to=junk, email_id=junk)
    assert len(told(kind, hook)) == 1
