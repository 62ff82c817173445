"""Telesign's enterprise library: the same service at the other address."""

from stage import Stage
from telesignenterprise.messaging import MessagingClient

CUSTOMER = "FFFFFFFF-EEEE-DDDD-1234-AB1234567890"


def send_one(stage: Stage) -> None:
    """A message and its status."""
    client = MessagingClient(CUSTOMER, stage.values("telesign")["apiKey"])
    sent = client.message("491701234567", "Hello Ann", "MKT")
    assert sent.json["status"]["code"] == 290
    assert client.status(sent.json["reference_id"]).json["status"]["code"] == 200


STEPS = (send_one,)
