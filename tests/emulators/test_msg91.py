"""The MSG91 emulator is as strict as MSG91, and hides errors behind HTTP 200 as MSG91 does."""

import json

import pytest

from app.emulators.msg91 import EMULATOR, TEMPLATE
from tests.emulators.sms_rig import play, without

WHO = {"authkey": "key"}
ANN = {"mobiles": "919876543210", "content": "Hello Ann"}
GOOD = {"template_id": TEMPLATE, "sender": "ACMEIN", "short_url": "0", "recipients": [ANN], "CRQID": "17.m1"}


def send(tmp_path, flow, headers=WHO, path="/flow"):
    """The answer to one flow, and what was kept."""

    async def work(stage):
        return await stage.client.post(path, json=flow, headers=headers), stage.kept()

    return play(EMULATOR, tmp_path, work)


@pytest.mark.parametrize("path", ["/flow", "/flow/"])
def test_a_flow_is_kept_and_gets_the_id_of_its_request(path, tmp_path):
    answer, kept = send(tmp_path, GOOD, path=path)
    assert (answer.status_code, answer.json()["type"], len(answer.json()["message"])) == (200, "success", 24)
    assert [(row.recipient, row.sender, row.raw) for row in kept] == [("+919876543210", "ACMEIN", b"Hello Ann")]


def test_every_recipient_has_variables_of_its_own(tmp_path):
    ben = {"mobiles": "919876543211", "content": "Hello Ben"}
    _, kept = send(tmp_path, {**GOOD, "recipients": [ANN, ben]})
    assert {row.recipient: row.raw for row in kept} == {"+919876543210": b"Hello Ann", "+919876543211": b"Hello Ben"}


@pytest.mark.parametrize(
    ("flow", "headers", "status", "code"),
    [
        (GOOD, {}, 401, "106"),
        (without(GOOD, "template_id"), WHO, 400, "211"),
        ({**GOOD, "template_id": "1107161234567890123"}, WHO, 400, "211"),
        ({**GOOD, "recipients": []}, WHO, 400, ""),
        ({**GOOD, "recipients": "919876543210"}, WHO, 400, ""),
        ({**GOOD, "recipients": [{**ANN, "mobiles": "+919876543210"}]}, WHO, 200, "202"),
        ({**GOOD, "recipients": [ANN, {**ANN, "mobiles": "12"}]}, WHO, 200, "202"),
        ({**GOOD, "CRQID": "key with spaces"}, WHO, 400, ""),
        ({**GOOD, "CRQID": "x" * 81}, WHO, 400, ""),
        ({**GOOD, "recipients": [{**ANN, "content": "x" * 1531}]}, WHO, 400, "310"),
        (["a", "list"], WHO, 400, ""),
    ],
)
def test_what_is_wrong_says_so_in_its_type_and_is_not_kept(flow, headers, status, code, tmp_path):
    answer, kept = send(tmp_path, flow, headers)
    assert (answer.status_code, answer.json()["type"], answer.json().get("code", "")) == (status, "error", code)
    assert kept == []


@pytest.mark.parametrize(
    ("number", "status"), [("15005550001", 200), ("15005550002", 200), ("15005550101", 429), ("15005550102", 500)]
)
def test_a_number_asks_for_its_own_fault(number, status, tmp_path):
    answer, kept = send(tmp_path, {**GOOD, "recipients": [{**ANN, "mobiles": number}]})
    assert (answer.status_code, answer.json()["type"], kept) == (status, "error", [])


@pytest.mark.parametrize("wanted", [{}, {"url": 5}, {"url": "http://a.example", "version": "v5"}, ["url"]])
def test_the_console_takes_only_what_is_a_webhook(wanted, tmp_path):
    async def work(stage):
        return await stage.client.post(f"http://{stage.client.base_url.netloc.decode()}/for/acme/console", json=wanted)

    assert play(EMULATOR, tmp_path, work).status_code == 400


def test_reports_go_where_the_console_says_and_nowhere_before(tmp_path):
    async def work(stage):
        console = f"http://{stage.client.base_url.netloc.decode()}/for/acme/console"
        flow = f"http://{stage.client.base_url.netloc.decode()}/for/acme/api/v5/flow"
        await stage.client.post(flow, json=GOOD, headers=WHO)
        assert (await stage.client.post(console, json={"url": stage.ear})).status_code == 200
        answer = await stage.client.post(flow, json=GOOD | {"CRQID": "18.m1"}, headers=WHO)
        return answer.json()["message"], await stage.receipts(1)

    number, (receipt,) = play(EMULATOR, tmp_path, work)
    report = json.loads(receipt.body)
    assert (report["requestId"], report["CRQID"], report["status"]) == (number, "18.m1", "1")
    assert report["telNum"] == ANN["mobiles"]
