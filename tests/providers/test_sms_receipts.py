"""Receipts of the text message services: the callbacks of their documentation, signed as they sign, and their sense."""

import base64
import hmac
import json
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

import pytest

from app.domain.outcomes import Reason
from app.domain.receipts import HookRequest, NotProven
from app.providers import get
from app.providers.base import Account

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
KEY = "17.message_1"
URL = "https://carillon.example/hooks/twilio/p1/token"
QUERY = urlencode({"delivery": KEY})
FORM = {"content-type": "application/x-www-form-urlencoded"}
TSA_KEY = base64.b64encode(b"a key of Telesign's").decode()
VALUES = {
    "twilio": {"authToken": "12345"},
    "telesign": {"customerId": "customer", "apiKey": TSA_KEY},
    "vonage": {"signatureSecret": "vonage-secret"},
    "textmagic": {},
}


def twilio(status="delivered", code="", query=QUERY, **fields):
    fields = {"MessageSid": "SM1", "MessageStatus": status, "To": "+491701234567", **fields}
    fields |= {"ErrorCode": code} if code else {}
    signed = f"{URL}?{query}" + "".join(f"{name}{fields[name]}" for name in sorted(fields))
    proof = base64.b64encode(hmac.digest(b"12345", signed.encode(), "sha1")).decode()
    return HookRequest(NOW, urlencode(fields).encode(), {**FORM, "x-twilio-signature": proof}, query)


def telesign(code=200, at="2026-11-21T08:59:58.421000Z", **fields):
    status = {"code": code, "description": "Delivered to handset", "updated_on": at}
    body = json.dumps({"reference_id": "R1", "external_id": KEY, "status": status, **fields}).encode()
    proof = base64.b64encode(hmac.digest(b"a key of Telesign's", body, "sha256")).decode()
    return HookRequest(NOW, body, {"authorization": f"TSA customer:{proof}"})


def vonage(status="delivered", code="0", digest="sha256", at=NOW, **fields):
    fields = {
        "msisdn": "491701234567", "to": "Acme&Co", "messageId": "0A1", "status": status, "err-code": code,
        "client-ref": KEY, "message-timestamp": "2026-11-21 08:59:58", "timestamp": str(int(at.timestamp())), **fields,
    }  # fmt: skip
    signed = "".join(f"&{k}={v.replace('&', '_').replace('=', '_')}" for k, v in sorted(fields.items()))
    fields["sig"] = hmac.digest(b"vonage-secret", signed.encode(), digest).hex()
    return HookRequest(NOW, json.dumps(fields).encode(), {"content-type": "application/json"})


def textmagic(status="d", **fields):
    known = {"id": "1000000001", "phone": "491701234567", "messageTime": "2026-11-21T08:59:58+0000"}
    return HookRequest(NOW, urlencode(known | {"status": status} | fields).encode(), FORM)


HOOKS = {"twilio": twilio, "telesign": telesign, "vonage": vonage, "textmagic": textmagic}
SIGNED = ["telesign", "twilio", "vonage"]


def told(kind, hook, **values):
    return get(kind).receipts(Account("key", VALUES[kind] | values, receipts_url=URL), hook)


def verdict(kind, *args, **fields):
    (receipt,) = told(kind, HOOKS[kind](*args, **fields))
    return receipt.event.value, receipt.reason


@pytest.mark.parametrize("kind", sorted(HOOKS))
def test_a_delivered_text_is_told_with_everything_known(kind):
    (receipt,) = told(kind, HOOKS[kind]())
    assert receipt.event == "delivered"
    assert "" not in (receipt.event_id, receipt.provider_message_id)
    assert receipt.delivery_key == ("" if kind == "textmagic" else KEY)
    assert receipt.address.endswith("491701234567") or kind == "telesign"
    assert receipt.is_proven is (kind != "textmagic")
    assert receipt.at is None or abs(receipt.at - NOW) < timedelta(seconds=5)


@pytest.mark.parametrize("kind", SIGNED)
def test_a_changed_body_and_a_wrong_secret_prove_nothing(kind):
    hook = HOOKS[kind]()
    other = HOOKS[kind]("failed" if kind != "telesign" else 207)
    forged = HookRequest(NOW, other.body, hook.headers, hook.query)
    if kind == "vonage":  # the signature travels in the body
        forged = HookRequest(NOW, hook.body.replace(b"delivered", b"failed"), hook.headers)
    secret = list(VALUES[kind])[-1]
    for request, values in ((forged, {}), (hook, {secret: base64.b64encode(b"another").decode()})):
        with pytest.raises(NotProven):
            told(kind, request, **values)
    if kind != "vonage":
        for values in ({secret: ""}, {secret: None}):
            with pytest.raises(NotProven):
                told(kind, hook, **values)


def test_twilio_signs_the_key_in_the_address_as_well():
    hook = twilio()
    with pytest.raises(NotProven):
        told("twilio", HookRequest(NOW, hook.body, hook.headers, urlencode({"delivery": "18.message_1"})))


@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        ("queued", "", ("accepted", None)),
        ("sent", "", ("sent", None)),
        ("partially_delivered", "", ("sent", None)),
        ("canceled", "", ("failed", Reason.UNDELIVERED)),
        ("undelivered", "30003", ("failed", Reason.UNDELIVERED)),
        ("undelivered", "30005", ("bounced", Reason.MAILBOX_UNKNOWN)),
        ("undelivered", "30007", ("failed", Reason.CONTENT_REJECTED)),
        ("failed", "21610", ("failed", Reason.OPTED_OUT)),
        ("failed", "30036", ("expired", Reason.EXPIRED)),
        ("failed", "39999", ("failed", Reason.UNDELIVERED)),
        ("flying", "", ("unknown", None)),
    ],
)
def test_what_twilio_tells(status, code, expected):
    assert verdict("twilio", status, code) == expected


def test_what_was_read_at_twilio_was_delivered():
    receipts = told("twilio", twilio("read"))
    assert [(each.event.value, each.event_id) for each in receipts] == [
        ("delivered", "SM1:delivered"),
        ("opened", "SM1:read"),
    ]


def test_twilio_tells_each_status_once():
    assert {told("twilio", twilio(status))[0].event_id for status in ("sent", "delivered", "sent")} == {
        "SM1:sent", "SM1:delivered",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (290, ("accepted", None)), (203, ("sent", None)), (210, ("deferred", None)), (221, ("expired", Reason.EXPIRED)),
        (211, ("bounced", Reason.MAILBOX_UNKNOWN)), (510, ("unsubscribed", None)),
        (207, ("failed", Reason.UNDELIVERED)), (229, ("failed", Reason.CONTENT_REJECTED)),
        (502, ("failed", Reason.NOT_CONFIGURED)), (4711, ("unknown", None)), ("x", ("unknown", None)),
    ],
)  # fmt: skip
def test_what_telesign_tells(code, expected):
    assert verdict("telesign", code) == expected


@pytest.mark.parametrize("at", ["", "2026-11-19T09:00:00Z", "2026-11-23T09:00:00Z", "now", None])
def test_an_old_report_of_telesign_proves_nothing(at):
    with pytest.raises(NotProven):
        told("telesign", telesign(at=at))


def test_vonage_s_signature_is_the_golden_one():
    fields = {
        "messageId": "0A0000001234567B", "msisdn": "447700900000", "nonce": "abc&d=e", "status": "delivered",
        "timestamp": "1700000000", "sig": "ac8007fe48f944d1f30db548ea18d92ec13ae39cdccc8c370003b973842b9a7b",
    }  # fmt: skip
    hook = HookRequest(datetime(2023, 11, 14, 23, 0, tzinfo=UTC), urlencode(fields).encode(), FORM)
    assert told("vonage", hook)[0].event == "delivered"


@pytest.mark.parametrize("digest", ["md5", "sha1", "sha256", "sha512"])
def test_vonage_may_sign_with_any_of_its_digests(digest):
    assert verdict("vonage", digest=digest) == ("delivered", None)


@pytest.mark.parametrize("days", [-2, 2])
def test_an_old_receipt_of_vonage_proves_nothing(days):
    with pytest.raises(NotProven):
        told("vonage", vonage(at=NOW + timedelta(days=days)))


def test_without_a_secret_vonage_s_receipts_are_taken_and_count_for_less():
    assert told("vonage", vonage(), signatureSecret="")[0].is_proven is False


@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        ("accepted", "0", ("sent", None)),
        ("buffered", "0", ("deferred", None)),
        ("expired", "2", ("expired", None)),
        ("failed", "3", ("bounced", Reason.MAILBOX_UNKNOWN)),
        ("failed", "4", ("failed", Reason.OPTED_OUT)),
        ("rejected", "6", ("failed", Reason.CONTENT_REJECTED)),
        ("failed", "99", ("failed", Reason.UNDELIVERED)),
        ("unknown", "1", ("unknown", None)),
    ],
)
def test_what_vonage_tells(status, code, expected):
    assert verdict("vonage", status, code) == expected


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("q", ("accepted", None)), ("a", ("sent", None)), ("b", ("deferred", None)),
        ("j", ("failed", Reason.UNDELIVERED)), ("u", ("unknown", None)),
    ],
)  # fmt: skip
def test_what_textmagic_tells(status, expected):
    assert verdict("textmagic", status) == expected


def test_textmagic_s_older_names_are_read_as_well():
    body = urlencode({"message_id": "7", "status": "d", "timestamp": str(int(NOW.timestamp()))}).encode()
    (receipt,) = told("textmagic", HookRequest(NOW, body, FORM))
    assert (receipt.provider_message_id, receipt.at) == ("7", NOW)


@pytest.mark.parametrize("code", ["50", "51", "52", "53", "54"])
def test_what_a_countrys_rules_refuse_at_vonage_is_a_matter_of_the_account(code):
    assert verdict("vonage", "rejected", code) == ("failed", Reason.NOT_CONFIGURED)
