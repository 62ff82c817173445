"""Vonage's library: the SMS API, the balance, and its signatures."""

import json
from typing import Any

from stage import REFUSED, Stage, raised
from vonage import Auth, Vonage
from vonage_http_client.errors import AuthenticationError
from vonage_sms import SmsMessage
from vonage_sms.errors import PartialFailureError, SmsError

KEY, SECRET, SIGNATURE_SECRET = "abcd1234", "the-secret", "a-signature-secret-of-the-story"
# The account of the emulator whose webhooks are signed.
SIGNED_KEY, SANDBOX_SECRET = "signed12", "a-signature-secret-of-the-sandbox"


def client_of(secret: str = SECRET) -> Vonage:
    """A client of the emulated account."""
    return Vonage(Auth(api_key=KEY, api_secret=secret))


def message_to(number: str, text: str = "Hello Ann", **more: Any) -> SmsMessage:
    """A message that is as it should be."""
    return SmsMessage(to=number, from_="ACME", text=text, **more)


def send_one(stage: Stage) -> None:
    """A message, and one of two parts with its reference."""
    sent = client_of().sms.send(message_to("491701234567"))
    assert (sent.message_count, sent.messages[0].status) == ("1", "0")
    long = client_of().sms.send(message_to("491701234567", "я" * 71, type="unicode", client_ref="d1"))
    assert [each.client_ref for each in long.messages] == ["d1", "d1"]
    assert len({each.message_id for each in long.messages}) == 2


def ask_balance(stage: Stage) -> None:
    """The balance."""
    assert client_of().account.get_balance().value > 0


def be_refused(stage: Stage) -> None:
    """SmsError with the statuses 4, 6, 1, 5 and AuthenticationError."""
    for secret, number, status in (
        (REFUSED, "491701234567", 4), (SECRET, "15005550001", 6), (SECRET, "15005550101", 1), (SECRET, "15005550102", 5)
    ):  # fmt: skip
        error = raised(SmsError, client_of(secret).sms.send, message_to(number))
        assert not isinstance(error, PartialFailureError)
        assert f"error code {status}:" in str(error)
    assert raised(AuthenticationError, client_of(REFUSED).account.get_balance).response.status_code == 401


def hear_receipts(stage: Stage) -> None:
    """Signed delivery receipts that check_signature accepts."""
    client = Vonage(Auth(api_key=SIGNED_KEY, api_secret=SECRET))
    client.sms.send(message_to("491701234567", callback=stage.ear, client_ref="d2&d=3"))
    told = [json.loads(each.body) for each in stage.receipts(2)]
    auth = Auth(api_key=SIGNED_KEY, signature_secret=SANDBOX_SECRET, signature_method="sha256")
    for each in told:
        assert auth.check_signature(dict(each))
        assert not auth.check_signature({**each, "status": "read"})
    assert {each["client-ref"] for each in told} == {"d2&d=3"}
    assert [each["status"] for each in told] == ["accepted", "delivered"]


def sign(stage: Stage) -> None:
    """Signatures of sign_params in every digest, which Carillon accepts."""
    stage.shown = {"secret": SIGNATURE_SECRET, "signed": []}
    for method in ("md5", "sha1", "sha256", "sha512"):
        auth = Auth(api_key=KEY, signature_secret=SIGNATURE_SECRET, signature_method=method)
        fields = {"msisdn": "491701234567", "messageId": "0A1B", "status": "delivered", "client-ref": "a&b=c"}
        fields["sig"] = auth.sign_params(fields)
        assert auth.check_signature(dict(fields))
        stage.shown["signed"].append(fields)


STEPS = (send_one, ask_balance, be_refused, hear_receipts, sign)
