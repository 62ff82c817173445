"""Receipts of MSG91: the reports of its four versions of webhooks, as its help pages show them, and their sense."""

import json
from datetime import UTC, datetime
from urllib.parse import urlencode

import pytest

from app.domain.outcomes import Reason
from app.domain.receipts import HookRequest, NotUnderstood, suppression_of
from app.providers.base import Account
from app.providers.msg91 import PROVIDER

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
KEY = "17.message_1"
REQUEST = "3465636f6e73656372756b"
FORM = {"content-type": "application/x-www-form-urlencoded"}
JSON = {"content-type": "application/json"}
ROW = {
    "date": "2024-05-22 10:06:20", "amount": "0.01", "clientid": "", "INMSID": "0", "CRQID": KEY, "ctCode": "900",
    "number": "919512345678", "credit": "1", "status": "1", "desc": "DELIVERED", "failedReason": "",
}  # fmt: skip
GROUP = {"senderId": "acmein", "requestId": REQUEST, "userId": "27000", "campaignName": "Sendhttp"}


def v2(**changes):
    text = json.dumps([{**GROUP, "report": [ROW | changes]}])
    return HookRequest(NOW, urlencode({"data": text}).encode(), FORM)


def v3(**changes):
    return document(GROUP | ROW | changes)


def v4(**changes):
    row = {"meta": KEY, "INMSID": "0", "description": "DELIVERED", "ts": 1795251590}
    return document([{"data": [row | changes], "event": "delivered"}])


def new(**changes):
    report = {
        "requestId": REQUEST, "requestedAt": "2025-09-07 13:00:00", "status": "1", "telNum": "919512345678",
        "deliveryTime": "2025-09-07 13:00:05", "credit": "1", "senderId": "acmein", "campaignName": "API",
        "route": "4", "clientId": "0", "UUID": "0", "INMSID": "0", "CRQID": KEY, "failureReason": "", "smsLength": "1",
    }  # fmt: skip
    return document(report | changes)


def document(found, headers=JSON):
    return HookRequest(NOW, json.dumps(found).encode(), headers)


def told(hook):
    return PROVIDER.receipts(Account("key", {}), hook)


@pytest.mark.parametrize("version", [v2, v3, v4, new])
def test_a_delivered_text_is_told_in_every_version(version):
    (receipt,) = told(version())
    assert (receipt.event, receipt.delivery_key, receipt.is_proven) == ("delivered", KEY, False)
    if version is not v4:  # it names neither number nor request
        assert (receipt.provider_message_id, receipt.address) == (REQUEST, "919512345678")
    assert receipt.raw


@pytest.mark.parametrize("version", [v2, v3, new])
@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("1", ("delivered", None)), ("2", ("failed", Reason.UNDELIVERED)), ("9", ("failed", Reason.UNDELIVERED)),
        ("16", ("failed", Reason.NOT_CONFIGURED)), ("25", ("failed", Reason.NOT_CONFIGURED)),
        ("17", ("failed", Reason.OPTED_OUT)), ("4711", ("unknown", None)), (2, ("failed", Reason.UNDELIVERED)),
        ("Delivered", ("delivered", None)), ("REJECTED", ("failed", Reason.NOT_CONFIGURED)),
    ],
)  # fmt: skip
def test_what_a_status_means(version, status, expected):
    (receipt,) = told(version(status=status))
    assert (receipt.event.value, receipt.reason) == expected


def test_nobody_is_suppressed_on_the_word_of_a_report_that_nobody_signed():
    for status in ("9", "17"):
        (receipt,) = told(new(status=status))
        assert suppression_of(receipt) == ""


def test_a_request_that_was_received_is_no_delivery():
    (receipt,) = told(new(status=""))
    assert receipt.event == "accepted"


def test_why_it_failed_is_kept_in_msg91_s_words():
    assert told(v2(status="2", failedReason="Absent subscriber"))[0].detail == "Absent subscriber"
    assert told(new(status="2", failureReason="Absent subscriber"))[0].detail == "Absent subscriber"


def test_every_number_of_a_request_has_a_receipt_of_its_own():
    rows = [ROW | {"number": f"91951234567{index}", "CRQID": "0"} for index in range(3)]
    text = json.dumps([{**GROUP, "report": rows}, {**GROUP, "requestId": "another", "report": rows[:1]}])
    receipts = told(HookRequest(NOW, urlencode({"data": text}).encode(), FORM))
    assert len({each.event_id for each in receipts}) == len(receipts) == 4
    assert {each.delivery_key for each in receipts} == {""}, "0 is how MSG91 writes that there is none"
    assert [each.address for each in receipts][:3] == [each["number"] for each in rows]


def test_the_same_report_told_twice_is_the_same_and_another_status_is_another():
    assert told(new())[0].event_id == told(new())[0].event_id == told(v3())[0].event_id
    assert told(new())[0].event_id != told(new(status="2"))[0].event_id


def test_the_newest_version_may_write_a_value_as_a_list_in_a_text():
    (receipt,) = told(new(telNum='["919512345678"]', CRQID=f'["{KEY}"]'))
    assert (receipt.address, receipt.delivery_key) == ("919512345678", KEY)


def test_a_date_without_a_time_zone_is_no_moment():
    assert told(v2())[0].at is told(new())[0].at is None
    assert told(v4())[0].at == datetime.fromtimestamp(1795251590, UTC)


def test_the_content_type_is_not_believed():
    assert told(document(GROUP | ROW, FORM))[0].event == "delivered"
    assert told(document([{**GROUP, "report": [ROW]}], {}))[0].event == "delivered"


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"null", b"{}", b"[1]", b"data=no", b"data=[]", b"data=5", b"[" * 50_000, b"\xff=\x00", b"[[]]"],
)
def test_what_holds_no_report_is_refused_in_words(body):
    with pytest.raises(NotUnderstood) as refused:
        told(HookRequest(NOW, body, FORM))
    assert str(refused.value).endswith(".")


@pytest.mark.parametrize("found", [{"data": 5}, {"a": 1}, {"report": [{}]}])
def test_an_object_without_anything_of_a_report_is_refused(found):
    with pytest.raises(NotUnderstood):
        told(document(found))


@pytest.mark.parametrize(
    ("found", "count"),
    [({"report": [5, None]}, 0), ({"report": []}, 0), ({"status": {"a": 1}}, 1), ({"event": 7, "data": [{}, 5]}, 1)],
)
def test_an_odd_shape_never_makes_it_stumble(found, count):
    assert len(told(document(found))) == count
