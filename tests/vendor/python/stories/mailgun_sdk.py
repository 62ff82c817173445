"""Mailgun's library: messages with variables, MIME, the domain and the check of webhooks."""

import json
from email.message import EmailMessage

from mailgun.client import Client
from mailgun.config import RetryPolicy
from mailgun.security import SecurityGuard
from stage import REFUSED, Stage

KEY = "key-story-python"
DOMAIN = "mg.sandbox.example"
EMAIL = {"from": f"News <news@{DOMAIN}>", "to": "ann@example.org", "subject": "Hello", "text": "Hello Ann"}


def client_of(key: str = KEY) -> Client:
    """A client of the emulated account."""
    return Client(auth=("api", key), retry_policy=RetryPolicy(max_retries=0))


def send_one(stage: Stage) -> None:
    """A message with a file."""
    sent = client_of().messages.create(data=EMAIL, files=[("attachment", ("a.txt", b"Hello"))], domain=DOMAIN)
    assert (sent.status_code, sent.json()["message"]) == (200, "Queued. Thank you.")
    assert sent.json()["id"].startswith("<")


def send_many(stage: Stage) -> None:
    """A batch with recipient-variables."""
    people = {"bea@example.org": {"name": "Bea"}, "cem@example.org": {"name": "Cem"}}
    email = {**EMAIL, "to": list(people), "recipient-variables": json.dumps(people), "text": "Hi %recipient.name%"}
    assert client_of().messages.create(data=email, domain=DOMAIN).status_code == 200


def send_raw(stage: Stage) -> None:
    """A message in raw MIME."""
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = EMAIL["from"], "ann@example.org", "Hällo"
    mail.set_content("Grüße")
    files = {"message": ("mail.mime", mail.as_bytes())}
    sent = client_of().mimemessage.create(data={"to": "ann@example.org"}, files=files, domain=DOMAIN)
    assert sent.status_code == 200, sent.text


def ask_domain(stage: Stage) -> None:
    """The domain."""
    found = client_of().domains.get(domain_name=DOMAIN)
    assert (found.status_code, found.json()["domain"]["state"]) == (200, "active")


def be_refused(stage: Stage) -> None:
    """Answers 401, 400, 403, 429, 500."""
    found = []
    for key, domain, person in (
        (REFUSED, DOMAIN, "ann@example.org"), (KEY, DOMAIN, "ann"), (KEY, "unverified.example", "ann@example.org"),
        (KEY, DOMAIN, "ann+throttled@example.org"), (KEY, DOMAIN, "ann+server-error@example.org"),
    ):  # fmt: skip
        found.append(client_of(key).messages.create(data={**EMAIL, "to": person}, domain=domain).status_code)
    assert found == [401, 400, 403, 429, 500]


def validate_receipts(stage: Stage) -> None:
    """Events that verify_webhook accepts."""
    client = client_of()
    made = client.domains_webhooks.create(domain=DOMAIN, data={"id": "delivered", "url": [stage.ear]})
    assert made.status_code == 200, made.text
    client.messages.create(data=EMAIL, domain=DOMAIN)
    (heard,) = stage.receipts(1)
    told = json.loads(heard.body)
    proof, key = told["signature"], stage.values("mailgun")["webhookSigningKey"]
    assert SecurityGuard.verify_webhook(key, **proof)
    assert not SecurityGuard.verify_webhook(key, **{**proof, "token": "another"})
    assert told["event-data"]["recipient"] == "ann@example.org"


STEPS = (send_one, send_many, send_raw, ask_domain, be_refused, validate_receipts)
