"""The Vonage emulator is as strict as Vonage, and says 200 to what it refuses."""

import json

import pytest

from app.emulators.faults import Dial
from app.emulators.vonage import EMULATOR
from tests.emulators.sms_rig import play, without

WHO = ("abcd1234", "secret")
GOOD = {"to": "447700900000", "from": "ACME", "text": "Hello Ann", "client-ref": "d1.m1"}


def send(tmp_path, fields, auth=WHO):
    """The answer to one message, and what was kept."""

    async def work(stage):
        answer = await stage.client.post("/sms/json", data=fields, auth=auth)
        assert answer.status_code == 200
        return answer.json(), stage.kept()

    return play(EMULATOR, tmp_path, work)


def test_a_message_is_kept_as_a_phone_shows_it(tmp_path):
    answer, kept = send(tmp_path, GOOD)
    assert answer["message-count"] == "1"
    assert (answer["messages"][0]["status"], answer["messages"][0]["client-ref"]) == ("0", "d1.m1")
    assert [(row.recipient, row.sender, row.raw) for row in kept] == [("+447700900000", "ACME", b"Hello Ann")]


@pytest.mark.parametrize(
    ("text", "kind", "parts", "shown"),
    [
        ("x" * 161, "text", 2, "x" * 161),
        ("я" * 71, "unicode", 2, "я" * 71),
        ("😀" * 67, "unicode", 3, "😀" * 67),
        ("x" * 152 + "€" + "x" * 152, "text", 3, "x" * 152 + "€" + "x" * 152),
        ("ça va", "text", 1, "?a va"),
    ],
    ids=["plain", "unicode", "pairs", "escapes", "mangled"],
)
def test_a_text_has_an_id_for_each_part_and_is_mangled_without_its_type(text, kind, parts, shown, tmp_path):
    answer, kept = send(tmp_path, {**GOOD, "text": text, "type": kind})
    assert (answer["message-count"], len({part["message-id"] for part in answer["messages"]})) == (str(parts), parts)
    assert kept[0].raw.decode() == shown


@pytest.mark.parametrize(
    ("fields", "auth", "status"),
    [
        (GOOD, None, "2"),
        (GOOD, ("abcd1234", ""), "4"),
        ({**GOOD, "sig": "abc"}, WHO, "32"),
        (without(GOOD, "to"), WHO, "2"),
        (without(GOOD, "text"), WHO, "2"),
        ({**GOOD, "to": "+447700900000"}, WHO, "3"),
        ({**GOOD, "type": "emoji"}, WHO, "3"),
        ({**GOOD, "ttl": "1"}, WHO, "3"),
        ({**GOOD, "client-ref": "x" * 101}, WHO, "3"),
        ({**GOOD, "callback": f"http://c.example/{'x' * 100}"}, WHO, "3"),
        ({**GOOD, "from": "A name that is too long"}, WHO, "15"),
        ({**GOOD, "text": "x" * 3201}, WHO, "12"),
    ],
)
def test_what_is_wrong_is_said_with_200_and_not_kept(fields, auth, status, tmp_path):
    answer, kept = send(tmp_path, fields, auth)
    assert [part["status"] for part in answer["messages"]] == [status]
    assert kept == []


def test_key_and_secret_may_come_in_the_form(tmp_path):
    answer, _ = send(tmp_path, {**GOOD, "api_key": "abcd1234", "api_secret": "secret"}, None)
    assert answer["messages"][0]["status"] == "0"


def test_the_balance_needs_a_sign_in(tmp_path):
    async def work(stage):
        return [(await stage.client.get("/account/get-balance", auth=auth)).status_code for auth in (WHO, None)]

    assert play(EMULATOR, tmp_path, work) == [200, 401]


@pytest.mark.parametrize(
    ("number", "status"), [("15005550001", "6"), ("15005550002", "17"), ("15005550101", "1"), ("15005550102", "5")]
)
def test_a_number_asks_for_its_own_fault(number, status, tmp_path):
    answer, kept = send(tmp_path, {**GOOD, "to": number})
    assert ([part["status"] for part in answer["messages"]], kept) == ([status], [])


def test_receipts_come_for_every_part_with_our_reference(tmp_path):
    async def work(stage):
        answer = await stage.client.post("/sms/json", data={**GOOD, "text": "x" * 161, "callback": stage.ear}, auth=WHO)
        return answer.json(), await stage.receipts(4)

    answer, heard = play(EMULATOR, tmp_path, work)
    told = [json.loads(receipt.body) for receipt in heard]
    assert [each["status"] for each in told] == ["accepted", "accepted", "delivered", "delivered"]
    assert {each["messageId"] for each in told} == {part["message-id"] for part in answer["messages"]}
    assert {(each["client-ref"], each["msisdn"], each["err-code"]) for each in told} == {("d1.m1", "447700900000", "0")}


def test_receipts_may_be_lost(tmp_path):
    async def work(stage):
        stage.faults.turn(Dial("secret", "receipts-never"))
        await stage.client.post("/sms/json", data={**GOOD, "callback": stage.ear}, auth=WHO)
        stage.faults.turn_off()
        await stage.client.post("/sms/json", data={**GOOD, "client-ref": "2", "callback": stage.ear}, auth=WHO)
        return await stage.receipts(2)

    assert {json.loads(receipt.body)["client-ref"] for receipt in play(EMULATOR, tmp_path, work)} == {"2"}
