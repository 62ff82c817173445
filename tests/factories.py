"""Things that tests need, made by plain functions; every one says what it makes."""

from collections.abc import Sequence
from itertools import count
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.file_kinds import kind_of, name_key
from app.models.contacts import Contact
from app.models.files import Bucket, File
from app.models.messages import Message
from app.models.providers import Provider
from app.models.suppressions import Suppression
from app.models.targets import Target
from app.models.topics import Subscriber, Topic
from app.services.work import Work
from tests.conftest import START

_numbers = count(1)
_DATES = {"created_at": START, "updated_at": START}


def number() -> str:
    return f"t{next(_numbers)}"


def _add(session: Session, row: Any) -> Any:
    session.add(row)
    session.flush()
    return row


def make_contact(
    session: Session, *, name: str = "Ann", email: str = "", phone: str = "", **attributes: Any
) -> Contact:
    contact = _add(
        session,
        Contact(id=number(), project_pk=1, name=name, name_key=name.casefold(), attributes=attributes, **_DATES),
    )
    if email:
        make_target(session, contact, address=email)
    if phone:
        make_target(session, contact, address=phone, channel="sms")
    return contact


def make_target(
    session: Session, contact: Contact, *, address: str, channel: str = "email", is_expired: bool = False
) -> Target:
    return _add(
        session,
        Target(
            id=number(), project_pk=1, contact_pk=contact.pk, channel=channel, address=address,
            address_key=address.lower(), expired_at=START if is_expired else None, **_DATES,
        ),
    )  # fmt: skip


def make_topic(session: Session, *, name: str = "News", targets: Sequence[Target] = (), id: str = "") -> Topic:
    topic = _add(session, Topic(id=id or number(), project_pk=1, name=name, subscribe=["users"], **_DATES))
    for target in targets:
        subscribe(session, topic, target)
    return topic


def subscribe(session: Session, topic: Topic, target: Target) -> Subscriber:
    column = f"{target.channel}_total"
    setattr(topic, column, getattr(topic, column) + 1)
    return _add(session, Subscriber(id=number(), project_pk=1, topic_pk=topic.pk, target_pk=target.pk, **_DATES))


def make_audience(session: Session, size: int, *, topic: str = "News") -> Topic:
    """A topic with that many people, person0@example.org and so on."""
    targets = []
    for index in range(size):
        contact = make_contact(session, name=f"Person {index}", city="Berlin")
        targets.append(make_target(session, contact, address=f"person{index}@example.org"))
    return make_topic(session, name=topic, targets=targets)


def make_suppression(
    session: Session, address: str, *, channel: str = "email", reason: str = "unsubscribed"
) -> Suppression:
    return _add(
        session,
        Suppression(id=number(), project_pk=1, channel=channel, address_key=address.lower(), reason=reason, **_DATES),
    )


def make_file(
    session: Session, name: str = "flyer.pdf", *, bucket: str = "b", id: str = "f", mime_type: str = "application/pdf",
    is_whole: bool = True, size: int = 3,
) -> File:  # fmt: skip
    """A file that is known, in a bucket that is made when there is none; its bytes lie nowhere."""
    found = session.scalar(select(Bucket).where(Bucket.id == bucket)) or _add(
        session,
        Bucket(
            id=bucket, project_pk=1, name=bucket, permissions=[], maximum_file_size=30_000_000, allowed_extensions=[],
            **_DATES,
        ),
    )  # fmt: skip
    return _add(
        session,
        File(
            id=id, project_pk=1, bucket_pk=found.pk, name=name, permissions=[], mime_type=mime_type, size_original=size,
            size_actual=size, store_key="nowhere" if is_whole else "", kind=kind_of(mime_type) if is_whole else "",
            name_key=name_key(name), **_DATES,
        ),
    )  # fmt: skip


def make_provider(
    work: Work, *, host: str = "127.0.0.1", port: int = 25, name: str = "Mail", **options: Any
) -> Provider:
    """An SMTP provider; `options` are wire names such as encryption or username."""
    credentials = {"host": host, "port": port, "encryption": "none", "autoTLS": False}
    secrets = {key: options.pop(key) for key in ("username", "password", "encryption", "autoTLS") if key in options}
    return _add(
        work.session,
        Provider(
            id=number(), project_pk=1, name=name, kind="smtp", channel="email",
            credentials=work.vault.encrypt_json(credentials | secrets),
            options={"fromName": "Acme News", "fromEmail": "news@acme.example"} | options, **_DATES,
        ),
    )  # fmt: skip


def make_push_provider(work: Work, kind: str, **columns: Any) -> Provider:
    """A provider of notifications whose keys are none: good for all but signing in. `kind` is fcm or apns."""
    secret = "-----BEGIN PRIVATE KEY-----\nnone\n-----END PRIVATE KEY-----\n"
    credentials = {
        "apns": {"authKey": secret, "authKeyId": "2X9R4HXF34", "teamId": "A1B2C3D4E5", "bundleId": "com.example.app"},
        "fcm": {"serviceAccountJSON": {"project_id": "acme-app", "client_email": "a@b.example", "private_key": secret}},
    }[kind]
    known = {"name": kind.upper(), "options": {}, "rank": 0 if kind == "apns" else 1}
    return _add(
        work.session,
        Provider(
            id=number(), project_pk=1, kind=kind, channel="push", credentials=work.vault.encrypt_json(credentials),
            **known | columns, **_DATES,
        ),
    )  # fmt: skip


def make_message(
    session: Session, *, subject: str = "Autumn news", body: str = "Hello {{ name | there }}",
    audience: dict[str, Any] | None = None,
    status: str = "draft", channel: str = "email", content: dict[str, Any] | None = None, **columns: Any,
) -> Message:  # fmt: skip
    content = content or {"subject": subject, "preheader": "", "format": "markdown", "body": body}
    return _add(
        session,
        Message(
            id=number(), project_pk=1, channel=channel, title=subject, title_key=subject.casefold(), content=content,
            audience={"topics": [], "contacts": [], "targets": []} | (audience or {}), status=status,
            author_name="Ed", **_DATES, **columns,
        ),
    )  # fmt: skip
