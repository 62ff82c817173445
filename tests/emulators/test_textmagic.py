"""The Textmagic emulator is as strict as Textmagic: names, numbers, parts, references."""

from urllib.parse import parse_qs

import pytest

from app.emulators.textmagic import EMULATOR
from tests.emulators.sms_rig import play, without

WHO = {"x-tm-username": "carla", "x-tm-key": "key"}
GOOD = {"text": "Hello Ann", "phones": "447700900000", "from": "ACME", "referenceId": "17"}


def send(tmp_path, fields, headers=WHO, as_json=False):
    """The answer to one request, and what was kept."""

    async def work(stage):
        body = {"json": fields} if as_json else {"data": fields}
        return await stage.client.post("/messages", headers=headers, **body), stage.kept()

    return play(EMULATOR, tmp_path, work)


@pytest.mark.parametrize("as_json", [False, True])
def test_a_message_is_kept_and_gets_its_number(as_json, tmp_path):
    answer, kept = send(tmp_path, GOOD, as_json=as_json)
    found = answer.json()
    assert (answer.status_code, found["type"], found["messageId"]) == (201, "message", found["id"])
    assert [(row.recipient, row.sender, row.raw) for row in kept] == [("+447700900000", "ACME", b"Hello Ann")]


def test_several_numbers_become_a_session_without_the_ids_of_its_messages(tmp_path):
    answer, kept = send(tmp_path, {**GOOD, "phones": "447700900000,+447700900001"})
    assert (answer.json()["type"], answer.json()["messageId"]) == ("session", None)
    assert [row.recipient for row in kept] == ["+447700900000", "+447700900001"]


def test_a_sender_that_is_not_allowed_is_replaced_without_a_word(tmp_path):
    _, kept = send(tmp_path, {**GOOD, "from": "A name that is too long"})
    assert kept[0].sender == "447624800500"


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        (without(GOOD, "text"), "text"),
        (without(GOOD, "phones"), "phones"),
        ({**GOOD, "phones": "447700900000,12"}, "phones"),
        ({**GOOD, "phones": "nobody"}, "phones"),
        ({**GOOD, "referenceId": "d1.m1"}, "referenceId"),
        ({**GOOD, "partsCount": "7"}, "partsCount"),
        ({**GOOD, "partsCount": "1", "text": "x" * 161}, "partsCount"),
        ({**GOOD, "text": "я" * 403}, "partsCount"),
        ({**GOOD, "phones": "15005550001"}, "phones"),
        ({**GOOD, "phones": "15005550002"}, "text"),
    ],
)
def test_what_is_wrong_is_said_at_its_field_and_not_kept(fields, field, tmp_path):
    answer, kept = send(tmp_path, fields)
    assert (answer.status_code, list(answer.json()["errors"]["fields"]), kept) == (400, [field], [])


@pytest.mark.parametrize("missing", ["x-tm-username", "x-tm-key"])
def test_nobody_sends_without_name_and_key(missing, tmp_path):
    answer, kept = send(tmp_path, GOOD, without(WHO, missing))
    assert (answer.status_code, kept) == (401, [])


def test_the_user_says_what_is_left(tmp_path):
    async def work(stage):
        return await stage.client.get("/user", auth=("carla", "key"))

    found = play(EMULATOR, tmp_path, work).json()
    assert (found["username"], found["balance"] > 0, found["currency"]["id"]) == ("carla", True, "GBP")


def test_receipts_go_where_the_account_wants_them(tmp_path):
    async def work(stage):
        await stage.client.put("/callback/settings", headers=WHO, data={"outUrl": stage.ear, "format": "u"})
        others = {**WHO, "x-tm-key": "other"}
        await stage.client.post("/messages", headers=others, data=GOOD)
        answer = await stage.client.post("/messages", headers=WHO, data=GOOD)
        return answer.json()["id"], await stage.receipts(2)

    number, heard = play(EMULATOR, tmp_path, work)
    told = [parse_qs(receipt.body.decode()) for receipt in heard]
    assert [(each["id"], each["status"]) for each in told] == [([str(number)], ["a"]), ([str(number)], ["d"])]
