"""The Telesign emulator is as strict as Telesign, and signs what it reports."""

import base64
import hmac
import json

import pytest

from app.emulators.telesign import EMULATOR, KEY
from tests.emulators.sms_rig import play, without

WHO = ("FFFFFFFF-EEEE-DDDD-1234-AB1234567890", KEY)
GOOD = {"phone_number": "447700900000", "message": "Hello Ann", "message_type": "ARN", "external_id": "d1.m1"}


def send(tmp_path, fields, auth=WHO):
    """The answer to one message, and what was kept."""

    async def work(stage):
        return await stage.client.post("/v1/messaging", data=fields, auth=auth), stage.kept()

    return play(EMULATOR, tmp_path, work)


def signature_of(body):
    """As the vendor's documentation has it: HMAC-SHA256 with the decoded key, in base64."""
    return base64.b64encode(hmac.digest(base64.b64decode(KEY), body, "sha256")).decode()


def test_a_message_is_kept_and_gets_a_reference(tmp_path):
    answer, kept = send(tmp_path, {**GOOD, "sender_id": "ACME"})
    found = answer.json()
    assert (answer.status_code, found["status"]["code"], found["external_id"]) == (200, 290, "d1.m1")
    assert len(found["reference_id"]) == 32
    assert [(row.recipient, row.sender, row.raw) for row in kept] == [("+447700900000", "ACME", b"Hello Ann")]


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        (without(GOOD, "phone_number"), 11000),
        ({**GOOD, "phone_number": "+447700900000"}, 11000),
        (without(GOOD, "message"), 11001),
        ({**GOOD, "message": "x" * 1601}, 11001),
        (without(GOOD, "message_type"), 11002),
        ({**GOOD, "message_type": "SPAM"}, 11002),
        ({**GOOD, "sender_id": "x" * 21}, 11004),
    ],
)
def test_what_is_wrong_has_its_code_and_is_not_kept(fields, code, tmp_path):
    answer, kept = send(tmp_path, fields)
    assert (answer.status_code, answer.json()["status"]["code"], kept) == (400, code, [])


@pytest.mark.parametrize("auth", [None, ("", KEY), (WHO[0], "")])
def test_nobody_sends_without_customer_and_key(auth, tmp_path):
    answer, kept = send(tmp_path, GOOD, auth)
    assert (answer.status_code, kept) == (401, [])


@pytest.mark.parametrize(
    ("number", "status", "code"),
    [("15005550001", 400, 11000), ("15005550004", 200, 510), ("15005550101", 429, 10019), ("15005550111", 503, 500)],
)
def test_a_number_asks_for_its_own_fault(number, status, code, tmp_path):
    answer, kept = send(tmp_path, {**GOOD, "phone_number": number})
    assert (answer.status_code, answer.json()["status"]["code"], kept) == (status, code, [])


def test_only_what_was_sent_has_a_status(tmp_path):
    async def work(stage):
        sent = (await stage.client.post("/v1/messaging", data=GOOD, auth=WHO)).json()["reference_id"]
        places = (f"/v1/messaging/{sent}", f"/v1/messaging/{'0' * 32}", "/v1/nothing")
        return [(await stage.client.get(place, auth=WHO)).status_code for place in places]

    assert play(EMULATOR, tmp_path, work) == [200, 400, 404]


def test_the_signature_is_the_one_that_was_computed_elsewhere():
    body = b'{"reference_id":"0123456789ABCDEF0123456789ABCDEF","status":{"code":200}}'
    assert signature_of(body) == "B3ar+OsZmTKq9l+ZZK/lmQjjmq4NvL1dPk7wNIWMsmU="


def test_reports_are_signed_and_hold_our_reference(tmp_path):
    async def work(stage):
        answer = await stage.client.post("/v1/messaging", data={**GOOD, "callback_url": stage.ear}, auth=WHO)
        return answer.json()["reference_id"], await stage.receipts(2)

    reference, heard = play(EMULATOR, tmp_path, work)
    told = [json.loads(receipt.body) for receipt in heard]
    assert [each["status"]["code"] for each in told] == [203, 200]
    assert {(each["reference_id"], each["external_id"]) for each in told} == {(reference, "d1.m1")}
    for receipt in heard:
        assert receipt.headers["authorization"] == f"TSA {WHO[0]}:{signature_of(receipt.body)}"
