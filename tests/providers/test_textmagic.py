"""Textmagic: the request as its documentation shows it, and what each of its answers means."""

import json
from pathlib import Path
from urllib.parse import parse_qsl

import pytest

from app.domain.rendered import Recipient, RenderedSms
from app.emulators.textmagic import EMULATOR
from app.providers.base import Account
from app.providers.http import HttpReply, Item
from app.providers.textmagic import PROVIDER, judge, reference_of
from tests.providers.http_rig import HttpRig, form_of

PAYLOADS = Path(__file__).parent / "payloads" / "textmagic"
GOOD = {"username": "charles.conway", "apiKey": "0123456789abcdef0123456789", "from": "+447700900123"}
KEYS = {str(reference_of(f"key{number}")): f"key{number}" for number in range(100)}
RIG = HttpRig(
    PROVIDER, EMULATOR, GOOD, (GOOD["apiKey"],), key_of=lambda row: KEYS[form_of(row)["referenceId"]],
    says_how_long=False,
)  # fmt: skip


def item_of(text="Hello Ann"):
    return Item(0, "17.m1", Recipient("+491701234567", "Ann"), RenderedSms(text))


def request_for(text="Hello Ann", values=GOOD):
    return PROVIDER.request(Account("key", values), [item_of(text)])


def sample(name, status, **headers):
    return HttpReply(status, {"content-type": "application/json", **headers}, (PAYLOADS / f"{name}.json").read_bytes())


def test_the_form_asks_for_what_the_interface_names():
    assert [field.name for field in PROVIDER.spec.fields] == ["username", "apiKey", "from"]
    assert all(field.needed for field in PROVIDER.spec.fields)
    assert [field.name for field in PROVIDER.spec.fields if field.secret] == ["apiKey"]
    assert PROVIDER.spec.uncertain_policy == "hold"


def test_the_request_is_the_one_of_the_documentation():
    request = request_for()
    assert (request.method, request.path) == ("POST", "/messages")
    assert dict(parse_qsl(request.body.decode())) == {
        "text": "Hello Ann", "phones": "491701234567", "from": "447700900123", "partsCount": "6", "cutExtra": "0",
        "referenceId": "17",
    }  # fmt: skip
    assert (request.headers["x-tm-username"], request.headers["x-tm-key"]) == (GOOD["username"], GOOD["apiKey"])
    assert PROVIDER.base_url(Account("key", GOOD)) == "https://rest.textmagic.com/api/v2"


def test_a_reference_is_the_number_of_the_delivery_and_else_one_that_stays():
    assert reference_of("9876543210.hello") == 9876543210
    assert reference_of("test-abc") == reference_of("test-abc") != reference_of("test-abd")
    assert 0 <= reference_of("0.m") < 2**48


def test_every_sign_of_a_text_arrives():
    text = "Grüße & Küsse + 100 % = 🎉\n; „Ende“"
    assert dict(parse_qsl(request_for(text).body.decode()))["text"] == text


@pytest.mark.parametrize(
    ("text", "is_taken"), [("x" * 918, True), ("x" * 919, False), ("я" * 402, True), ("я" * 403, False)]
)
def test_a_text_of_more_than_six_parts_is_never_cut_but_refused(text, is_taken):
    outcome = PROVIDER.refuse(Account("key", GOOD), item_of(text))
    assert (outcome is None) is is_taken
    if outcome is not None:
        assert (outcome.kind, outcome.reason) == ("message_permanent", "too_large")
        assert "7 parts" in outcome.detail


def test_the_number_of_the_message_is_kept():
    outcome = judge(sample("sent", 201))
    assert (outcome.kind, outcome.provider_message_id) == ("accepted", "1234567")


@pytest.mark.parametrize(
    ("name", "status", "kind", "reason"),
    [
        ("bad_number", 400, "recipient_permanent", "invalid_address"),
        ("bad_text", 400, "message_permanent", "content_rejected"),
        ("too_many_parts", 400, "message_permanent", "too_large"),
        ("bad_sender", 400, "config_permanent", "sender_refused"),
        ("no_credit", 400, "config_permanent", "not_configured"),
        ("unauthorized", 401, "config_permanent", "authentication_failed"),
        ("unauthorized", 403, "config_permanent", "authentication_failed"),
        ("too_many", 429, "throttled", "rate_limited"),
    ],
)
def test_an_answer_becomes_its_outcome(name, status, kind, reason):
    outcome = judge(sample(name, status))
    assert (outcome.kind, outcome.reason) == (kind, reason)
    assert outcome.code.startswith(str(status))
    assert outcome.detail


def test_the_sentence_at_a_field_is_what_people_read():
    assert judge(sample("bad_number", 400)).detail == "Phone number 15005550001 is not valid."


def test_a_number_in_a_sentence_never_makes_an_error_look_temporary():
    errors = {"code": 400, "message": "Failed", "errors": {"fields": {"phones": ["429 503 timeout, try again"]}}}
    assert judge(HttpReply(400, {}, json.dumps(errors).encode())).kind == "recipient_permanent"


def test_the_wait_of_a_header_is_kept():
    assert judge(sample("too_many", 429, **{"retry-after": "12"})).retry_after.total_seconds() == 12
    assert judge(sample("too_many", 429)).retry_after is None


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (201, b"", "uncertain"),
        (201, b"[]", "uncertain"),
        (201, b'{"type":"message"}', "uncertain"),
        (400, b'{"errors":[]}', "message_permanent"),
        (400, b'{"errors":{"fields":[],"common":"x"}}', "message_permanent"),
        (500, b"oops", "transient"),
    ],
)
def test_an_answer_that_makes_no_sense_is_never_a_success(status, body, kind):
    assert judge(HttpReply(status, {}, body)).kind == kind


@pytest.mark.parametrize(
    ("changes", "field"), [({"username": "jörg"}, "username"), ({"apiKey": "a\nb"}, "apiKey"), ({"from": "💌"}, "from")]
)
def test_what_cannot_work_is_said_at_its_field(changes, field):
    assert list(PROVIDER.check({**GOOD, **changes})) == [field]


def test_verifying_says_whose_account_it_is_and_what_is_left():
    found = PROVIDER.findings(Account("key", GOOD), sample("user", 200))
    assert [finding.works for finding in found] == [True]
    assert found[0].detail == "The balance is 208.64 GBP."


@pytest.mark.parametrize(
    ("status", "changes", "works"),
    [(200, {"status": "T"}, [True]), (200, {"balance": 0}, [True, False]), (200, {"balance": None}, [False]),
     (401, {}, [False])],
)  # fmt: skip
def test_verifying_says_when_nothing_can_be_sent(status, changes, works):
    user = json.loads((PAYLOADS / "user.json").read_text()) | changes
    found = PROVIDER.findings(Account("key", GOOD), HttpReply(status, {}, json.dumps(user).encode()))
    assert [finding.works for finding in found] == works
    assert ("trial" in found[0].detail) is (changes.get("status") == "T")


def test_no_secret_shows_in_a_repr():
    assert GOOD["apiKey"] not in repr([request_for(), Account("key", GOOD)])
