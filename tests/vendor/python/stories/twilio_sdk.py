"""Twilio's helper library: REST client and RequestValidator."""

from urllib.parse import parse_qsl

from stage import REFUSED, Stage, raised
from twilio.base.exceptions import TwilioRestException
from twilio.request_validator import RequestValidator
from twilio.rest import Client

TOKEN = "the-token-of-an-account"
SENDER = "+15005550006"


def client_of(stage: Stage, token: str = TOKEN) -> Client:
    """A client of the emulated account."""
    return Client(stage.values("twilio")["accountSid"], token)


def send_one(stage: Stage) -> None:
    """A message, sent, read back and found in the list."""
    client = client_of(stage)
    sent = client.messages.create(to="+491701234567", from_=SENDER, body="Hello Ann")
    assert (sent.status, sent.to, sent.body, sent.error_code) == ("queued", "+491701234567", "Hello Ann", None)
    assert sent.sid is not None
    assert sent.date_created is not None
    found = client.messages(sent.sid).fetch()
    assert (found.sid, found.body, found.num_segments) == (sent.sid, "Hello Ann", "1")
    assert sent.sid in [each.sid for each in client.messages.list(to="+491701234567", limit=20)]


def send_by_service(stage: Stage) -> None:
    """A message by a Messaging Service."""
    sent = client_of(stage).messages.create(to="+491701234567", messaging_service_sid=f"MG{'0' * 32}", body="Hello")
    assert (sent.status, sent.from_, sent.messaging_service_sid) == ("accepted", None, f"MG{'0' * 32}")


def fetch_account(stage: Stage) -> None:
    """The account."""
    found = client_of(stage).api.accounts(stage.values("twilio")["accountSid"]).fetch()
    assert found.status == "active"


def be_refused(stage: Stage) -> None:
    """TwilioRestException 20003, 21211, 21610, 20429, 20500."""
    found = []
    for token, number in (
        (REFUSED, "+491701234567"), (TOKEN, "+15005550001"), (TOKEN, "+15005550004"), (TOKEN, "+15005550101"),
        (TOKEN, "+15005550102"),
    ):  # fmt: skip
        error = raised(TwilioRestException, client_of(stage, token).messages.create, to=number, from_=SENDER, body="No")
        found.append((error.status, error.code))
    assert found == [(401, 20003), (400, 21211), (400, 21610), (429, 20429), (500, 20500)]


def validate_receipts(stage: Stage) -> None:
    """Receipts that RequestValidator accepts."""
    client_of(stage).messages.create(to="+491701234567", from_=SENDER, body="Hello", status_callback=stage.ear)
    validator = RequestValidator(TOKEN)
    heard = stage.receipts(3)
    for each in heard:
        fields = dict(parse_qsl(each.body, keep_blank_values=True))
        assert validator.validate(stage.ear, fields, each.headers["x-twilio-signature"])
        assert not validator.validate(stage.ear, {**fields, "To": "+1"}, each.headers["x-twilio-signature"])
    assert [dict(parse_qsl(each.body))["MessageStatus"] for each in heard] == ["queued", "sent", "delivered"]


def sign(stage: Stage) -> None:
    """Signatures of compute_signature, which Carillon accepts."""
    url, fields = "https://carillon.example/hooks/twilio/p/t?delivery=d1", {"MessageStatus": "sent", "To": "+49 1"}
    stage.shown = {"token": TOKEN, "url": url, "fields": fields}
    stage.shown["signature"] = RequestValidator(TOKEN).compute_signature(url, fields)


STEPS = (send_one, send_by_service, fetch_account, be_refused, validate_receipts, sign)
