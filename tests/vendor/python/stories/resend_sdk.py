"""Resend's library: emails, batches and the check of webhooks."""

import json
from datetime import UTC, datetime
from typing import Any

import resend
from resend.exceptions import ApplicationError, RateLimitError, ResendError, ValidationError
from stage import REFUSED, Stage, raised
from svix.webhooks import Webhook, WebhookVerificationError

KEY = "re_story_python"  # with an ending for each step: a key has two requests a second


def email_to(person: str, **more: Any) -> resend.Emails.SendParams:
    """An email that is as it should be."""
    return {
        "from": "News <news@sandbox.example>", "to": [person], "subject": "Hello", "html": "<p>Hello</p>", **more,
    }  # type: ignore[typeddict-item,return-value]  # fmt: skip


def send_one(stage: Stage) -> None:
    """An email with a file, tags and an idempotency key, twice the same answer."""
    resend.api_key = f"{KEY}_one"
    files = [{"filename": "hello.txt", "content": list(b"Hello")}, {"filename": "a.txt", "content": "SGVsbG8="}]
    email = email_to("ann@example.org", attachments=files, tags=[{"name": "d", "value": "1"}])
    first, again = (resend.Emails.send(email, {"idempotency_key": "story-1"}) for _ in range(2))
    assert first["id"]
    assert first["id"] == again["id"]


def send_batch(stage: Stage) -> None:
    """A batch, strict and permissive."""
    resend.api_key = f"{KEY}_batch"
    people = [email_to("bea@example.org"), email_to("cem@example.org")]
    assert len({each["id"] for each in resend.Batch.send(people)["data"]}) == 2
    mixed = [*people, email_to("dan+mailbox-unknown@example.org")]
    found = resend.Batch.send(mixed, {"batch_validation": "permissive"})
    assert (len(found["data"]), [each["index"] for each in found["errors"]]) == (2, [2])


def list_domains(stage: Stage) -> None:
    """The domains."""
    resend.api_key = f"{KEY}_domains"
    assert resend.Domains.list()["data"][0]["status"] == "verified"


def be_refused(stage: Stage) -> None:
    """ResendError invalid_api_key, ValidationError, RateLimitError with its header, ApplicationError."""
    found = []
    for key, person, kind in (
        (f"re_{REFUSED}", "ann@example.org", ResendError), (f"{KEY}_1", "ann", ValidationError),
        (f"{KEY}_2", "ann+throttled@example.org", RateLimitError),
        (f"{KEY}_3", "ann+busy@example.org", ApplicationError),
    ):  # fmt: skip
        resend.api_key = key
        error = raised(kind, resend.Emails.send, email_to(person))
        found.append((int(error.code), error.error_type))
        if kind is RateLimitError:
            assert {name.lower(): value for name, value in error.headers.items()}["retry-after"] == "7"
    assert found == [
        (403, "invalid_api_key"), (422, "validation_error"), (429, "rate_limit_exceeded"), (500, "application_error"),
    ]  # fmt: skip


def validate_receipts(stage: Stage) -> None:
    """Events that Webhooks.verify and Svix accept."""
    resend.api_key = f"{KEY}_events"
    secret = resend.Webhooks.create({"endpoint": stage.ear, "events": ["email.sent"]})["signing_secret"]
    resend.Emails.send(email_to("ann@example.org"))
    for each in stage.receipts(2):
        named = {name: each.headers[f"svix-{name}"] for name in ("id", "timestamp", "signature")}
        resend.Webhooks.verify({"payload": each.body, "headers": named, "webhook_secret": secret})  # type: ignore[typeddict-item]
        Webhook(secret).verify(each.body, each.headers)
        raised(WebhookVerificationError, Webhook(secret).verify, each.body + " ", each.headers)
        raised(
            ValueError, resend.Webhooks.verify,
            {"payload": each.body + " ", "headers": named, "webhook_secret": secret},
        )  # fmt: skip


def sign(stage: Stage) -> None:
    """Signatures of Svix, which Carillon accepts."""
    secret, body = stage.values("resend")["webhookSecret"], json.dumps({"type": "email.sent"})
    moment = datetime.now(UTC)
    proof = {
        "svix-id": "msg_1", "svix-timestamp": str(int(moment.timestamp())),
        "svix-signature": Webhook(secret).sign("msg_1", moment, body),
    }  # fmt: skip
    stage.shown = {"secret": secret, "body": body, "headers": proof}


STEPS = (send_one, send_batch, list_domains, be_refused, validate_receipts, sign)
