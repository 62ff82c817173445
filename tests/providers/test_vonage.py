"""Vonage: the request as its documentation shows it, and what each status of each part means."""

import base64
import json
from pathlib import Path
from urllib.parse import parse_qsl

import pytest

from app.domain.rendered import Recipient, RenderedSms
from app.emulators.vonage import EMULATOR
from app.providers.base import Account
from app.providers.http import HttpReply, Item
from app.providers.vonage import PROVIDER, judge
from tests.providers.http_rig import HttpRig, form_of

PAYLOADS = Path(__file__).parent / "payloads" / "vonage"
GOOD = {"apiKey": "abcd1234", "apiSecret": "ABCDEFGH01234abc", "from": "+15005550006"}
RIG = HttpRig(PROVIDER, EMULATOR, GOOD, (GOOD["apiSecret"],), key_of=lambda row: form_of(row)["client-ref"])


def request_for(text="Hello Ann", values=GOOD, **account):
    item = Item(0, "d1.m1", Recipient("+447700900000", "Ann"), RenderedSms(text))
    return PROVIDER.request(Account("key", values, **account), [item])


def fields_for(*arguments, **account):
    return dict(parse_qsl(request_for(*arguments, **account).body.decode()))


def sample(name, status=200, **headers):
    return HttpReply(status, {"content-type": "application/json", **headers}, (PAYLOADS / f"{name}.json").read_bytes())


def test_the_form_asks_for_what_the_interface_names():
    assert [field.name for field in PROVIDER.spec.fields] == ["apiKey", "apiSecret", "from", "signatureSecret"]
    assert [field.name for field in PROVIDER.spec.fields if not field.needed] == ["signatureSecret"]
    assert [field.name for field in PROVIDER.spec.fields if field.secret] == ["apiSecret", "signatureSecret"]
    assert PROVIDER.spec.uncertain_policy == "hold"


def test_the_request_is_the_one_of_the_documentation():
    request = request_for()
    assert (request.method, request.path) == ("POST", "/sms/json")
    assert dict(parse_qsl(request.body.decode())) == {
        "from": "15005550006", "to": "447700900000", "text": "Hello Ann", "type": "text", "client-ref": "d1.m1",
    }  # fmt: skip
    proof = base64.b64encode(b"abcd1234:ABCDEFGH01234abc").decode()
    assert request.headers["authorization"] == f"Basic {proof}"
    assert PROVIDER.base_url(Account("key", GOOD)) == "https://rest.nexmo.com"


@pytest.mark.parametrize(
    ("text", "kind"),
    [("Grüße für 5 €", "text"), ("Ça va", "text"), ("ça va", "unicode"), ("Привет", "unicode"), ("Hi 🎉", "unicode")],
)
def test_text_outside_gsm7_is_never_sent_as_plain_text(text, kind):
    fields = fields_for(text)
    assert (fields["type"], fields["text"]) == (kind, text)


def test_a_sender_may_be_a_name():
    assert fields_for("Hi", {**GOOD, "from": "ACME"})["from"] == "ACME"


def test_receipts_are_asked_for_where_the_address_is_not_too_long():
    short = "https://c.example/hooks/vonage/p/t"
    assert fields_for(receipts_url=short)["callback"] == short
    assert "callback" not in fields_for()
    assert "callback" not in fields_for(receipts_url=f"https://c.example/{'x' * 100}")


def test_a_success_is_never_taken_for_an_unknown_error():
    outcome = judge(sample("sent"))
    assert (outcome.kind, outcome.provider_message_id) == ("accepted", "0A0000000123ABCD1")


def test_the_id_of_every_part_is_kept():
    outcome = judge(sample("sent_in_parts"))
    assert (outcome.kind, outcome.provider_message_id) == ("accepted", "0A0000000123ABCD1,0A0000000123ABCD2")


def test_a_part_that_failed_is_never_hidden_by_the_first_one():
    blocked = judge(sample("second_part_blocked"))
    assert (blocked.kind, blocked.provider_message_id) == ("message_permanent", "0A0000000123ABCD1")


def test_a_message_of_which_a_part_went_out_is_never_simply_sent_again():
    outcome = judge(sample("second_part_failed"))
    assert (outcome.kind, outcome.reason) == ("uncertain", "server_error")
    assert "1 of 2 parts" in outcome.detail


@pytest.mark.parametrize(
    ("name", "kind", "reason", "number"),
    [
        ("throttled", "throttled", "rate_limited", "1"),
        ("missing", "message_permanent", "content_rejected", "2"),
        ("bad_credentials", "config_permanent", "authentication_failed", "4"),
        ("unroutable", "recipient_permanent", "invalid_address", "6"),
        ("no_credit", "config_permanent", "not_configured", "9"),
        ("bad_sender", "config_permanent", "sender_refused", "15"),
        ("blocked", "message_permanent", "content_rejected", "17"),
        ("demo", "config_permanent", "not_configured", "29"),
        ("deactivated", "recipient_permanent", "invalid_address", "33"),
        ("unknown_status", "message_permanent", "content_rejected", "77"),
    ],
)
def test_a_200_that_holds_an_error_is_never_a_success(name, kind, reason, number):
    outcome = judge(sample(name))
    assert (outcome.kind, outcome.reason, outcome.provider_message_id) == (kind, reason, "")
    assert outcome.code == f"200 {number}", "the code is kept, not only the sentence"
    assert outcome.detail == json.loads((PAYLOADS / f"{name}.json").read_text())["messages"][0]["error-text"]


def test_the_wait_that_the_sentence_names_is_kept():
    assert judge(sample("throttled")).retry_after.total_seconds() == 0.25


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (200, b"", "uncertain"),
        (200, b"<html>ok</html>", "uncertain"),
        (200, b'{"message-count":"0","messages":[]}', "uncertain"),
        (200, b'{"messages":["yes"]}', "uncertain"),
        (200, b'{"messages":[{"status":"0"}]}', "uncertain"),
        (200, b'{"messages":[{"to":"447700900000"}]}', "uncertain"),
        (401, b'{"error-code":"401"}', "config_permanent"),
        (429, b"", "throttled"),
        (503, b"upstream", "transient"),
        (500, b'{"messages":[{"status":"0","message-id":"x"}]}', "uncertain"),
    ],
)
def test_an_answer_that_is_no_message_is_never_a_success(status, body, kind):
    assert judge(HttpReply(status, {}, body)).kind == kind


def test_a_wait_of_the_edge_is_kept():
    assert judge(HttpReply(429, {"retry-after": "3"}, b"")).retry_after.total_seconds() == 3


@pytest.mark.parametrize(
    ("sender", "is_fine"),
    [("ACME", True), ("12345", True), ("+15005550006", True), ("ACME Stores Ltd", False), ("💌", False), ("--", False)],
)
def test_a_sender_that_no_network_takes_is_said_at_its_field(sender, is_fine):
    assert list(PROVIDER.check({**GOOD, "from": sender})) == ([] if is_fine else ["from"])


@pytest.mark.parametrize(
    ("status", "body", "works"),
    [
        (200, {"value": 10.28, "autoReload": False}, [True]),
        (200, {"value": 0, "autoReload": False}, [True, False]),
        (200, {"value": -1.5, "autoReload": True}, [True]),
        (200, ["hello"], [False]),
        (401, {"error-code": "401", "error-code-label": "authentication failed"}, [False]),
    ],
)
def test_verifying_says_whether_there_is_credit(status, body, works):
    found = PROVIDER.findings(Account("key", GOOD), HttpReply(status, {}, json.dumps(body).encode()))
    assert [finding.works for finding in found] == works


def test_no_secret_shows_in_a_repr():
    assert GOOD["apiSecret"] not in repr([request_for(), Account("key", GOOD)])


def test_an_account_that_is_barred_is_not_told_that_its_key_is_wrong():
    body = {"message-count": "1", "messages": [{"status": "8", "error-text": "Partner account barred"}]}
    outcome = judge(HttpReply(200, {}, json.dumps(body).encode()))
    assert (outcome.kind, outcome.reason) == ("config_permanent", "not_configured")
