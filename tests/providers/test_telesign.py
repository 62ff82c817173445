"""Telesign: the request as its documentation shows it, and what each of its codes means."""

import base64
import json
from pathlib import Path
from urllib.parse import parse_qsl

import pytest

from app.domain.rendered import Recipient, RenderedSms
from app.emulators.telesign import EMULATOR, KEY
from app.providers.base import Account
from app.providers.http import HttpReply, Item
from app.providers.telesign import PROVIDER, judge
from tests.providers.http_rig import HttpRig, form_of

PAYLOADS = Path(__file__).parent / "payloads" / "telesign"
GOOD = {"customerId": "FFFFFFFF-EEEE-DDDD-1234-AB1234567890", "apiKey": KEY, "from": "+15005550006"}
REFERENCE = "0123456789ABCDEF0123456789ABCDEF"
RIG = HttpRig(
    PROVIDER, EMULATOR, GOOD, (GOOD["apiKey"],), key_of=lambda row: form_of(row)["external_id"], says_how_long=False
)


def item_of(text="Hello Ann"):
    return Item(0, "d1.m1", Recipient("+491701234567", "Ann"), RenderedSms(text))


def request_for(text="Hello Ann", values=GOOD, **account):
    return PROVIDER.request(Account("key", values, **account), [item_of(text)])


def sample(name, status, **headers):
    return HttpReply(status, {"content-type": "application/json", **headers}, (PAYLOADS / f"{name}.json").read_bytes())


def test_the_form_asks_for_what_the_interface_names():
    assert [field.name for field in PROVIDER.spec.fields] == ["customerId", "apiKey", "from"]
    assert all(field.needed for field in PROVIDER.spec.fields)
    assert [field.name for field in PROVIDER.spec.fields if field.secret] == ["apiKey"]
    assert PROVIDER.spec.uncertain_policy == "hold"


def test_the_request_is_the_one_of_the_documentation():
    request = request_for()
    assert (request.method, request.path) == ("POST", "/v1/messaging")
    assert dict(parse_qsl(request.body.decode())) == {
        "phone_number": "491701234567", "message": "Hello Ann", "message_type": "ARN", "sender_id": "15005550006",
        "external_id": "d1.m1",
    }  # fmt: skip
    proof = base64.b64encode(f"{GOOD['customerId']}:{KEY}".encode()).decode()
    assert request.headers["authorization"] == f"Basic {proof}"
    assert PROVIDER.base_url(Account("key", GOOD)) == "https://rest-ww.telesign.com"


def test_the_sender_of_the_settings_is_never_left_out():
    fields = dict(parse_qsl(request_for(values={**GOOD, "from": "Acme Stores"}).body.decode()))
    assert fields["sender_id"] == "Acme Stores"


def test_receipts_are_asked_for_with_each_message():
    fields = dict(parse_qsl(request_for(receipts_url="https://c.example/hooks/telesign/p/t").body.decode()))
    assert fields["callback_url"] == "https://c.example/hooks/telesign/p/t"


@pytest.mark.parametrize(
    ("name", "status", "kind", "reason", "code", "number"),
    [
        ("sent", 200, "accepted", "accepted", 290, REFERENCE),
        ("bad_number", 400, "recipient_permanent", "invalid_address", 11000, ""),
        ("bad_type", 400, "message_permanent", "content_rejected", 11002, ""),
        ("bad_key", 401, "config_permanent", "authentication_failed", 10022, ""),
        ("suspended", 401, "config_permanent", "not_configured", 10010, ""),
        ("trial", 401, "config_permanent", "not_configured", 10033, ""),
        ("too_fast", 429, "throttled", "rate_limited", 10019, ""),
        ("too_many", 429, "throttled", "rate_limited", -40008, ""),
        ("trouble", 500, "transient", "server_error", -90001, ""),
        ("opted_out", 200, "recipient_opted_out", "opted_out", 510, REFERENCE),
        ("blocked", 200, "message_permanent", "content_rejected", 233, REFERENCE),
    ],
)
def test_the_codes_decide_and_not_the_status(name, status, kind, reason, code, number):
    outcome = judge(sample(name, status))
    assert (outcome.kind, outcome.reason, outcome.provider_message_id) == (kind, reason, number)
    assert outcome.code == f"{status} {code}", "the code is kept, not only the sentence"
    assert outcome.detail


@pytest.mark.parametrize(("parameter", "reason"), [("message", "too_large"), ("message_type", "content_rejected")])
def test_a_text_that_is_refused_for_itself_is_too_long(parameter, reason):
    status = {"code": 11001, "description": f"Invalid value for parameter {parameter}."}
    outcome = judge(HttpReply(400, {}, json.dumps({"status": status}).encode()))
    assert (outcome.kind, outcome.reason, outcome.code) == ("message_permanent", reason, "400 11001")


@pytest.mark.parametrize(("code", "reason"), [(221, "expired"), (511, "undelivered"), (599, "undelivered")])
def test_what_failed_on_the_way_is_not_called_refused_content(code, reason):
    body = json.dumps({"reference_id": REFERENCE, "status": {"code": code, "description": "Failed"}}).encode()
    outcome = judge(HttpReply(200, {}, body))
    assert (outcome.kind, outcome.reason) == ("message_permanent", reason)


@pytest.mark.parametrize("name", ["bad_key", "opted_out", "trouble", "too_fast"])
def test_a_200_that_holds_an_error_is_never_a_success(name):
    assert judge(sample(name, 200)).kind != "accepted"


@pytest.mark.parametrize("code", [210, 503, 505, 514])
def test_a_message_that_is_held_up_is_never_simply_sent_again(code):
    body = json.dumps({"reference_id": REFERENCE, "status": {"code": code, "description": "Held up"}}).encode()
    outcome = judge(HttpReply(200, {}, body))
    assert (outcome.kind, outcome.provider_message_id) == ("uncertain", REFERENCE)


def test_an_error_beside_the_status_is_read_too():
    assert "Unable to process" in judge(sample("trouble", 500)).detail


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (200, (PAYLOADS / "unknown_code.json").read_bytes(), "uncertain"),
        (200, (PAYLOADS / "no_reference.json").read_bytes(), "uncertain"),
        (200, b"<html>ok</html>", "uncertain"),
        (200, b'{"status":{"code":"290"}}', "uncertain"),
        (200, b'{"status":[],"errors":{}}', "uncertain"),
        (503, b"", "transient"),
        (403, b"no", "config_permanent"),
        (500, (PAYLOADS / "sent.json").read_bytes(), "transient"),
    ],
)
def test_an_answer_that_makes_no_sense_is_never_a_success(status, body, kind):
    assert judge(HttpReply(status, {}, body)).kind == kind


def test_the_wait_of_a_header_is_kept():
    assert judge(sample("too_fast", 429, **{"retry-after": "9"})).retry_after.total_seconds() == 9
    assert judge(sample("too_fast", 429)).retry_after is None


def test_a_text_that_is_too_long_is_not_even_sent():
    outcome = PROVIDER.refuse(Account("key", GOOD), item_of("x" * 1601))
    assert (outcome.kind, outcome.reason) == ("message_permanent", "too_large")
    assert PROVIDER.refuse(Account("key", GOOD), item_of("x" * 1600)) is None


@pytest.mark.parametrize(
    ("sender", "is_fine"), [("Twenty letters are it", False), ("Twenty letters right", True), ("12345", True)]
)
def test_a_sender_that_telesign_does_not_take_is_said_at_its_field(sender, is_fine):
    assert list(PROVIDER.check({**GOOD, "from": sender})) == ([] if is_fine else ["from"])


@pytest.mark.parametrize(
    ("status", "body", "works"),
    [
        (400, {"status": {"code": 11009, "description": "Invalid value for parameter reference_id."}}, True),
        (200, {"status": {"code": 290, "description": "Message in progress"}}, True),
        (401, {"status": {"code": 10022, "description": "Invalid API key."}}, False),
        (200, {"status": {"code": 10022, "description": "Invalid API key."}}, False),
        (429, {"status": {"code": 10019, "description": "Rate limit exceeded."}}, False),
        (404, ["not here"], False),
        (200, {"hello": "world"}, False),
    ],
)
def test_verifying_believes_only_telesign(status, body, works):
    found = PROVIDER.findings(Account("key", GOOD), HttpReply(status, {}, json.dumps(body).encode()))
    assert [finding.works for finding in found] == [works]


def test_no_secret_shows_in_a_repr():
    assert KEY not in repr([request_for(), Account("key", GOOD)])
