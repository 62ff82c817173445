"""Telesign's self-service library: messages, their status, and the check of callbacks. It signs every request."""

import json

from stage import Stage
from telesign.messaging import MessagingClient
from telesign.util import AuthMethod, verify_telesign_callback_signature

CUSTOMER = "FFFFFFFF-EEEE-DDDD-1234-AB1234567890"
WRONG_KEY = "d3Jvbmc="


def client_of(stage: Stage, key: str = "", **options: str) -> MessagingClient:
    """A client of the emulated account."""
    return MessagingClient(CUSTOMER, key or stage.values("telesign")["apiKey"], **options)


def send_one(stage: Stage) -> None:
    """A message, signed with HMAC and with Basic, and its status."""
    for method in (AuthMethod.HMAC_SHA256.value, AuthMethod.BASIC.value):
        client = client_of(stage, auth_method=method)
        sent = client.message("491701234567", "Hello Ann: 100 % & more", "ARN", external_id="d1")
        assert (sent.status_code, sent.json["status"]["code"], sent.json["external_id"]) == (200, 290, "d1")
        found = client.status(sent.json["reference_id"])
        assert (found.ok, found.json["reference_id"]) == (True, sent.json["reference_id"])


def be_refused(stage: Stage) -> None:
    """Status codes 10022, 11000, 510, 10019, 500 in the answers."""
    wrong = client_of(stage, WRONG_KEY).message("491701234567", "No", "ARN")
    assert (wrong.status_code, wrong.json["status"]["code"]) == (401, 10022)
    found = []
    for number in ("15005550001", "15005550004", "15005550101", "15005550102"):
        answer = client_of(stage).message(number, "No", "ARN")
        found.append((answer.status_code, answer.json["status"]["code"]))
    assert found == [(400, 11000), (200, 510), (429, 10019), (500, 500)]


def validate_receipts(stage: Stage) -> None:
    """Callbacks that verify_telesign_callback_signature accepts."""
    key = stage.values("telesign")["apiKey"]
    client_of(stage).message("491701234567", "Hello", "ARN", callback_url=stage.ear)
    heard = stage.receipts(2)
    for each in heard:
        customer, _, signature = each.headers["authorization"].removeprefix("TSA ").partition(":")
        assert customer == CUSTOMER
        assert verify_telesign_callback_signature(key, signature, each.body)
        assert not verify_telesign_callback_signature(key, signature, each.body + " ")
    assert [json.loads(each.body)["status"]["code"] for each in heard] == [203, 200]


STEPS = (send_one, be_refused, validate_receipts)
