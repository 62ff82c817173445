"""Firebase's Admin SDK: the sign-in of a service account, messages, many at once."""

from typing import Any

import firebase_admin
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from firebase_admin import credentials, exceptions, messaging
from stage import Stage, raised

TOKEN = "a-registration-token:APA91b"


def app_of(stage: Stage, name: str, **other: str) -> firebase_admin.App:
    """An app that signs in with the service account that was handed out, or one that is changed."""
    account = {**stage.values("fcm")["serviceAccountJSON"], **other}
    return firebase_admin.initialize_app(credentials.Certificate(account), name=name)


def message_to(token: str, **more: Any) -> messaging.Message:
    """A notification."""
    return messaging.Message(token=token, notification=messaging.Notification("Hello", "Ann"), **more)


def send_one(stage: Stage) -> None:
    """The sign-in and a message for Android, the web and Apple."""
    app = app_of(stage, "one")
    message = message_to(
        TOKEN, data={"page": "7"},
        android=messaging.AndroidConfig(
            priority="high", ttl=3600, collapse_key="news",
            notification=messaging.AndroidNotification(color="#112233", channel_id="news", notification_count=2),
        ),
        apns=messaging.APNSConfig(
            headers={"apns-priority": "10"},
            payload=messaging.APNSPayload(messaging.Aps(badge=3, sound="default", content_available=True)),
        ),
        webpush=messaging.WebpushConfig(
            notification=messaging.WebpushNotification("Hello", "Ann"),
            fcm_options=messaging.WebpushFCMOptions(link="https://example.org/"),
        ),
    )  # fmt: skip
    project = stage.values("fcm")["serviceAccountJSON"]["project_id"]
    assert messaging.send(message, app=app).startswith(f"projects/{project}/messages/")
    assert messaging.send(message, dry_run=True, app=app)


def send_many(stage: Stage) -> None:
    """Many at once with one dead token among them."""
    app = app_of(stage, "many")
    messages = [message_to(token) for token in (f"{TOKEN}1", "fault-mailbox-unknown", f"{TOKEN}2")]
    found = messaging.send_each(messages, app=app)
    assert [each.success for each in found.responses] == [True, False, True]
    assert isinstance(found.responses[1].exception, messaging.UnregisteredError)


def retry(stage: Stage) -> None:
    """Its own retry after 500, and after 429 when Retry-After is over."""
    for token in ("fault-server-error-1-python", "fault-throttled-1-python"):
        assert messaging.send(message_to(token), app=app_of(stage, token))


def be_refused(stage: Stage) -> None:
    """UnregisteredError, SenderIdMismatchError, InvalidArgumentError, UnauthenticatedError."""
    app = app_of(stage, "refused")
    for token, kind in (
        ("fault-mailbox-unknown", messaging.UnregisteredError),
        ("fault-mailbox-disabled", messaging.SenderIdMismatchError), ("bad", exceptions.InvalidArgumentError),
        ("fault-wrong-password", exceptions.UnauthenticatedError),
    ):  # fmt: skip
        raised(kind, messaging.send, message_to(token), app=app)


def be_unknown(stage: Stage) -> None:
    """A sign-in with a key that is another's."""
    key = generate_private_key(65537, 2048)
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    error = raised(Exception, messaging.send, message_to(TOKEN), app=app_of(stage, "unknown", private_key=private))
    assert "invalid_grant" in str(error), repr(error)


STEPS = (send_one, send_many, retry, be_refused, be_unknown)
