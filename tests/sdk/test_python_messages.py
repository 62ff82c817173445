"""Messages of the three channels by the official Python SDK 27.0.0: drafts, scheduled, sent, listed, deleted."""

import io
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from appwrite.enums.message_priority import MessagePriority
from appwrite.enums.message_status import MessageStatus
from appwrite.enums.messaging_provider_type import MessagingProviderType
from appwrite.enums.smtp_encryption import SmtpEncryption
from appwrite.id import ID
from appwrite.input_file import InputFile
from appwrite.query import Query
from appwrite.services.messaging import Messaging
from appwrite.services.storage import Storage
from appwrite.services.users import Users
from PIL import Image

from tests.faults.tree import wait_for
from tests.sdk.conftest import Installation, refusal

LATER, LATER_STILL = (
    (datetime.now(UTC) + timedelta(days=days)).isoformat(timespec="milliseconds") for days in (30, 60)
)


@pytest.fixture
def bucket(storage: Storage) -> Iterator[str]:
    made = storage.create_bucket(ID.unique(), "Enclosed")
    picture = io.BytesIO()
    Image.new("RGB", (8, 8)).save(picture, "PNG")
    storage.create_file(made.id, "picture", InputFile.from_bytes(picture.getvalue(), "sale.png"))
    storage.create_file(made.id, "terms", InputFile.from_bytes(b"The terms", "terms.txt"))
    yield made.id
    storage.delete_bucket(made.id)


def test_an_email_goes_from_the_sdk_to_an_inbox(installation: Installation, messaging: Messaging, users: Users) -> None:
    provider = messaging.create_smtp_provider(
        "mail", "Mail", "127.0.0.1", port=installation.sink.port, encryption=SmtpEncryption.NONE, auto_tls=False,
        from_email="news@shop.example", enabled=True,
    )  # fmt: skip
    assert provider.enabled
    topic = messaging.create_topic("readers", "Readers")
    for name in ("ann", "ben"):
        person = users.create(name, email=f"{name}@example.org", name=name.title())
        messaging.create_subscriber(topic.id, ID.unique(), person.targets[0].id)
    draft = messaging.create_email("hello", "Hello {{ name }}", "<p>Hi {{ name }}</p>", html=True, draft=True)
    assert (draft.status, draft.data["html"]) == (MessageStatus.DRAFT, True)
    sent = messaging.update_email("hello", topics=[topic.id], draft=False)
    assert sent.status is MessageStatus.PROCESSING
    wait_for(lambda: messaging.get_message("hello").status is MessageStatus.SENT, "the email is sent", 30)
    done = messaging.get_message("hello")
    assert (done.deliveredtotal, done.deliveryerrors) == (2, [])
    assert done.deliveredat
    assert {"ann@example.org", "ben@example.org"} <= set(installation.sink.recipients())


def test_an_email_has_all_that_the_sdk_can_give(messaging: Messaging, users: Users, bucket: str) -> None:
    dora = users.create(ID.unique(), email="dora@example.org")
    copies = [users.create(ID.unique(), email=f"{name}@copy.example").targets[0].id for name in ("open", "blind")]
    made = messaging.create_email(
        ID.unique(), "Later", "Text", topics=[], users=[dora.id], targets=[dora.targets[0].id], cc=copies[:1],
        bcc=copies[1:], attachments=[f"{bucket}:terms"], html=False, scheduled_at=LATER,
        reply_to_email="desk@example.org", reply_to_name="Desk", emails=["raw@example.org"],
    )  # fmt: skip
    assert (made.status, made.scheduledat, made.providertype) == (MessageStatus.SCHEDULED, LATER, "email")
    assert (made.users, made.targets) == ([dora.id], [dora.targets[0].id])
    assert messaging.list_targets(made.id).targets[0].identifier == "dora@example.org"
    later = [Query.equal("status", "scheduled"), Query.contains("targets", [dora.targets[0].id])]
    assert [each.id for each in messaging.list_messages(queries=later).messages] == [made.id]
    assert [each.id for each in messaging.list_messages(search="Later").messages] == [made.id]
    assert messaging.update_email(made.id, subject="Sooner", scheduled_at=LATER_STILL).scheduledat == LATER_STILL
    assert messaging.update_email(made.id, draft=True).status is MessageStatus.DRAFT
    assert messaging.delete(made.id) == b""
    assert refusal(messaging.get_message, made.id) == (404, "message_not_found")


def test_a_text_message_is_written_changed_and_scheduled(messaging: Messaging, users: Users) -> None:
    target = users.create(ID.unique(), phone="+4917077777777").targets[0].id
    made = messaging.create_sms(ID.unique(), "Your table is ready", targets=[target], draft=True)
    assert (made.providertype, made.status) == ("sms", MessageStatus.DRAFT)
    assert made.data["content"] == "Your table is ready"
    changed = messaging.update_sms(made.id, content="Come at eight", draft=False, scheduled_at=LATER)
    assert (changed.data["content"], changed.status) == ("Come at eight", MessageStatus.SCHEDULED)
    assert messaging.list_targets(made.id, queries=[Query.limit(1)]).targets[0].identifier == "+4917077777777"
    assert refusal(messaging.update_email, made.id, subject="x") == (404, "message_not_found")
    messaging.delete(made.id)


def test_a_push_has_all_that_the_sdk_can_give(messaging: Messaging, users: Users, bucket: str) -> None:
    person = users.create(ID.unique(), name="Pia")
    token = users.create_target(person.id, ID.unique(), MessagingProviderType.PUSH, "a" * 64)
    made = messaging.create_push(
        ID.unique(), "Sale", "Everything", targets=[token.id], data={"screen": "sale"}, action="open", icon="bell",
        image=f"{bucket}:picture", sound="ding", color="#112233", tag="sale", badge=3, draft=True,
        content_available=True, critical=False, priority=MessagePriority.HIGH, channel_id="offers",
    )  # fmt: skip
    assert (made.providertype, made.status) == ("push", MessageStatus.DRAFT)
    assert (made.data["data"], made.data["badge"], made.data["priority"]) == ({"screen": "sale"}, 3, "high")
    assert "image" in made.data
    changed = messaging.update_push(made.id, title="Big sale", body="Nearly everything", badge=4, scheduled_at=LATER)
    assert (changed.data["title"], changed.data["badge"], changed.status) == ("Big sale", 4, MessageStatus.SCHEDULED)
    assert messaging.list_messages([Query.equal("providerType", "push")]).messages[0].id == made.id
    messaging.delete(made.id)


def test_wrong_recipients_are_refused_by_their_channel(messaging: Messaging, users: Users) -> None:
    target = users.create(ID.unique(), phone="+4917066666666").targets[0].id
    to = {"targets": [target]}
    assert refusal(messaging.create_email, ID.unique(), "S", "C", **to) == (400, "message_target_not_email")
    assert refusal(messaging.create_push, ID.unique(), "T", **to) == (400, "message_target_not_push")
    assert refusal(messaging.create_sms, ID.unique(), "C") == (400, "message_missing_target")
