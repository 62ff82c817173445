"""SendGrid's library: Mail, its client and EventWebhook."""

import json

from python_http_client.exceptions import (
    BadRequestsError,
    ForbiddenError,
    InternalServerError,
    TooManyRequestsError,
    UnauthorizedError,
)
from sendgrid import SendGridAPIClient
from sendgrid.helpers.eventwebhook import EventWebhook, EventWebhookHeader
from sendgrid.helpers.mail import Attachment, Mail, Personalization, To
from stage import REFUSED, Stage, raised

KEY = "SG.story.python"


def mail_to(*people: str) -> Mail:
    """An email that is as it should be."""
    return Mail("news@sandbox.example", list(people), "Hello", "Hello Ann", "<p>Hello Ann</p>")


def send_one(stage: Stage) -> None:
    """An email with a file."""
    mail = mail_to("ann@example.org")
    mail.attachment = Attachment("SGVsbG8=", "hello.txt", "text/plain")
    answer = SendGridAPIClient(KEY).send(mail)
    assert (answer.status_code, answer.body) == (202, b"")
    assert answer.headers["X-Message-Id"]


def send_many(stage: Stage) -> None:
    """Personalizations for several people in one request."""
    mail = mail_to()
    for name in ("bea", "cem"):
        each = Personalization()
        each.add_to(To(f"{name}@example.org", name.title()))
        each.subject = f"Hello {name.title()}"
        mail.add_personalization(each)
    assert SendGridAPIClient(KEY).send(mail).status_code == 202


def ask_scopes(stage: Stage) -> None:
    """The scopes of a key."""
    assert "mail.send" in json.loads(SendGridAPIClient(KEY).client.scopes.get().body)["scopes"]


def be_refused(stage: Stage) -> None:
    """UnauthorizedError, ForbiddenError, BadRequestsError, TooManyRequestsError, InternalServerError."""
    raised(UnauthorizedError, SendGridAPIClient(f"SG.{REFUSED}").send, mail_to("ann@example.org"))
    raised(ForbiddenError, SendGridAPIClient("SG.story.readonly").send, mail_to("ann@example.org"))
    error = raised(BadRequestsError, SendGridAPIClient(KEY).send, mail_to("ann@nowhere"))
    assert error.to_dict["errors"][0]["field"] == "personalizations.0.to.0.email"
    slow = raised(TooManyRequestsError, SendGridAPIClient(KEY).send, mail_to("ann+throttled@example.org"))
    assert (slow.headers["X-RateLimit-Remaining"], slow.status_code) == ("0", 429)
    raised(InternalServerError, SendGridAPIClient(KEY).send, mail_to("ann+server-error@example.org"))


def validate_receipts(stage: Stage) -> None:
    """Events that EventWebhook accepts."""
    client = SendGridAPIClient(KEY).client
    client.user.webhooks.event.settings.patch(request_body={"enabled": True, "url": stage.ear})
    SendGridAPIClient(KEY).send(mail_to("ann@example.org"))
    (heard,) = stage.receipts(1)
    webhook = EventWebhook(stage.values("sendgrid")["webhookPublicKey"])
    proof = [heard.headers[name.lower()] for name in (EventWebhookHeader.SIGNATURE, EventWebhookHeader.TIMESTAMP)]
    assert webhook.verify_signature(heard.body, *proof)
    assert not webhook.verify_signature(heard.body + " ", *proof)
    assert {each["email"] for each in json.loads(heard.body)} == {"ann@example.org"}


STEPS = (send_one, send_many, ask_scopes, be_refused, validate_receipts)
