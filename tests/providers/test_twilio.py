"""Twilio: the request as its documentation shows it, and what each of its answers means."""

import json
from base64 import b64encode
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest

from app.domain.rendered import Recipient, RenderedSms
from app.emulators.twilio import ACCOUNT, EMULATOR
from app.providers.base import Account
from app.providers.http import HttpReply, Item
from app.providers.twilio import PROVIDER, judge
from tests.providers.http_rig import HttpRig, form_of

PAYLOADS = Path(__file__).parent / "payloads" / "twilio"
GOOD = {"accountSid": ACCOUNT, "authToken": "0123456789abcdef0123456789abcdef", "from": "+15005550006"}
SERVICE = "MG" + "0" * 32


def key_in(row):
    return dict(parse_qsl(urlsplit(form_of(row)["StatusCallback"]).query))["delivery"]


RIG = HttpRig(PROVIDER, EMULATOR, GOOD, (GOOD["authToken"],), key_of=key_in, says_how_long=False)


def request_for(values=GOOD, text="Hello Ann", **account):
    item = Item(0, "d1.m1", Recipient("+491701234567", "Ann"), RenderedSms(text))
    return PROVIDER.request(Account("key", values, **account), [item])


def reply(name, status):
    return HttpReply(status, {"content-type": "application/json"}, (PAYLOADS / f"{name}.json").read_bytes())


def test_the_form_asks_for_what_the_interface_names():
    assert [field.name for field in PROVIDER.spec.fields] == ["accountSid", "authToken", "from"]
    assert all(field.needed for field in PROVIDER.spec.fields)
    assert [field.name for field in PROVIDER.spec.fields if field.secret] == ["authToken"]
    assert PROVIDER.spec.field("from").section == "options"


def test_the_request_is_the_one_of_the_documentation():
    request = request_for()
    assert (request.method, request.path) == ("POST", f"/Accounts/{ACCOUNT}/Messages.json")
    assert dict(parse_qsl(request.body.decode())) == {
        "To": "+491701234567", "From": "+15005550006", "Body": "Hello Ann",
    }  # fmt: skip
    assert request.headers["content-type"] == "application/x-www-form-urlencoded"
    assert request.headers["authorization"].startswith("Basic ")
    assert PROVIDER.base_url(Account("key", GOOD)) == "https://api.twilio.com/2010-04-01"


def test_every_account_is_written_to_at_its_own_place_with_its_own_proof():
    other = {**GOOD, "accountSid": f"AC{'1' * 32}"}
    changed = {**GOOD, "authToken": "f" * 32}
    for values in (GOOD, other, changed, GOOD):
        request = request_for(values)
        assert request.path == f"/Accounts/{values['accountSid']}/Messages.json"
        proof = b64encode(f"{values['accountSid']}:{values['authToken']}".encode()).decode()
        assert request.headers["authorization"] == f"Basic {proof}"


def test_a_messaging_service_takes_the_place_of_the_number():
    fields = dict(parse_qsl(request_for({**GOOD, "from": SERVICE}).body.decode()))
    assert fields["MessagingServiceSid"] == SERVICE
    assert "From" not in fields


def test_a_sender_may_be_a_name():
    assert dict(parse_qsl(request_for({**GOOD, "from": "ACME"}).body.decode()))["From"] == "ACME"


def test_the_delivery_key_travels_in_the_address_for_receipts():
    fields = dict(parse_qsl(request_for(receipts_url="https://c.example/hooks/twilio/p/t").body.decode()))
    assert fields["StatusCallback"] == "https://c.example/hooks/twilio/p/t?delivery=d1.m1"


def test_every_sign_of_a_text_arrives():
    text = "Grüße & Küsse + 100 % = 🎉\n; „Ende“"
    assert dict(parse_qsl(request_for(text=text).body.decode()))["Body"] == text


def test_no_secret_shows_in_a_repr():
    assert GOOD["authToken"] not in repr([request_for(), Account("key", GOOD)])


@pytest.mark.parametrize(
    ("name", "status", "kind", "reason", "number"),
    [
        ("created", 201, "accepted", "accepted", "SM1f0e8ae6ade43cb3c0ce4525424e404f"),
        ("created_by_service", 201, "accepted", "accepted", "SMa5e1c0b2d7f94d3f8b7ad5fb3b0e8c11"),
        ("invalid_to", 400, "recipient_permanent", "invalid_address", ""),
        ("opted_out", 400, "recipient_opted_out", "opted_out", ""),
        ("region", 400, "message_permanent", "not_configured", ""),
        ("bad_from", 400, "config_permanent", "sender_refused", ""),
        ("unauthorized", 401, "config_permanent", "authentication_failed", ""),
        ("too_many", 429, "throttled", "rate_limited", ""),
        ("unknown_code", 400, "message_permanent", "content_rejected", ""),
    ],
)
def test_an_answer_becomes_its_outcome(name, status, kind, reason, number):
    outcome = judge(reply(name, status))
    assert (outcome.kind, outcome.reason, outcome.provider_message_id) == (kind, reason, number)
    if status != 201:
        found = json.loads((PAYLOADS / f"{name}.json").read_text())
        assert outcome.code == f"{status} {found['code']}", "the code is kept, not only the sentence"
        assert outcome.detail == found["message"]


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (201, b"<html>ok</html>", "uncertain"),
        (201, b"{}", "uncertain"),
        (500, b"", "transient"),
        (503, b"upstream connect error", "transient"),
        (302, b"", "config_permanent"),
        (400, b'{"code":"21610"}', "message_permanent"),
    ],
)
def test_an_answer_that_is_no_message_is_never_a_success(status, body, kind):
    assert judge(HttpReply(status, {}, body)).kind == kind


def test_a_text_that_is_too_long_is_not_even_sent():
    item = Item(0, "k", Recipient("+491701234567"), RenderedSms("x" * 1601))
    outcome = PROVIDER.refuse(Account("key", GOOD), item)
    assert (outcome.kind, outcome.reason) == ("message_permanent", "too_large")
    assert "1,601" in outcome.detail
    assert PROVIDER.refuse(Account("key", GOOD), Item(0, "k", item.recipient, RenderedSms("x" * 1600))) is None


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"accountSid": "SK" + "0" * 32}, "accountSid"),
        ({"authToken": "a\nb"}, "authToken"),
        ({"from": "a\r\nb"}, "from"),
    ],
)
def test_what_cannot_work_is_said_at_its_field(changes, field):
    assert list(PROVIDER.check({**GOOD, **changes})) == [field]


@pytest.mark.parametrize(
    ("status", "body", "works"),
    [(200, {"status": "active"}, True), (200, {"status": "suspended"}, False), (401, {"code": 20003}, False)],
)
def test_verifying_says_whether_the_account_is_active(status, body, works):
    found = PROVIDER.findings(Account("key", GOOD), HttpReply(status, {}, json.dumps(body).encode()))
    assert [finding.works for finding in found] == [works]


@pytest.mark.parametrize(
    ("code", "kind", "reason"),
    [
        (21408, "message_permanent", "not_configured"),  # the account's regions
        (21612, "message_permanent", "sender_refused"),  # no way from this sender to there
        (20005, "config_permanent", "not_configured"),  # suspended
    ],
)
def test_what_only_the_account_can_mend_is_not_called_refused_content_or_a_wrong_key(code, kind, reason):
    outcome = judge(HttpReply(400, {}, json.dumps({"code": code, "message": "No", "status": 400}).encode()))
    assert (outcome.kind, outcome.reason) == (kind, reason)
