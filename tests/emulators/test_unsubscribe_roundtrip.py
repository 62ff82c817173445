"""Every kind of email provider carries each recipient's own unsubscribe link, and the link works: API to one click."""

import email
import json
from email.message import EmailMessage
from email.policy import SMTP
from urllib.parse import unquote_plus, urlsplit

import pytest
from sqlalchemy import select

from app.domain.channels import Channel
from app.engine import dispatch, fanout
from app.models.messages import Message
from app.models.topics import Subscriber
from app.providers import catalog
from app.services.providers import provider_sandbox
from tests import factories
from tests.emulators.test_roundtrip import House, announced, faults, house, outbox, running

__all__ = ["announced", "faults", "house", "outbox", "running"]  # fixtures

EMAIL_KINDS = sorted(kind for kind, provider in catalog().items() if provider.spec.channel is Channel.EMAIL)
BODY = "Hello {{ name }}, leave at {{ unsubscribe_url }} or choose at {{ preferences_url }}"
# Where the kind's own request holds the field; the others send MIME, which the outbox keeps as it came.
IN_REQUEST = {"mailgun": "h:List-Unsubscribe=<", "sendgrid": '"List-Unsubscribe":"<', "resend": '"List-Unsubscribe":"<'}


def send(house: House, kind: str, people: int, *, to_topic: bool = True, **content: str) -> list[EmailMessage]:
    """A message to that many people, over the API, by the Sandbox of that kind; what arrived."""
    with house.workshop.open(house.actor) as work:
        provider_sandbox.connect_emulated(work, kind)
    house.api.post("/messaging/topics", topicId="news", name="News")
    targets = []
    for number in range(people):
        made = house.api.post("/users", userId=f"u{number}", name=f"Person {number}", email=f"p{number}@example.com")
        targets.append(made["targets"][0]["$id"])
        house.api.post("/messaging/topics/news/subscribers", subscriberId=f"s{number}", targetId=targets[-1])
    message_id = factories.number()  # Resend sends nothing again under a key that it knows
    audience = {"topics": ["news"]} if to_topic else {"targets": targets}
    house.api.post(
        "/messaging/messages/email", messageId=message_id, subject="Hi", **{"content": BODY} | content, **audience
    )
    with house.workshop.database.read() as session:
        pk = session.scalar(select(Message.pk)) or 0
    fanout.expand(house.machine, pk)
    dispatch.drain(house.machine, pk)
    rows = [house.outbox.get(row.id) for row in house.outbox.newest()]
    assert len(rows) == people
    return [email.message_from_bytes(row.raw, policy=SMTP) for row in rows if row is not None]  # type: ignore[arg-type]


def link_of(mail: EmailMessage) -> str:
    return str(mail["List-Unsubscribe"]).strip("<>")


@pytest.mark.parametrize("people", [1, 3], ids=["single", "batch"])
@pytest.mark.parametrize("kind", EMAIL_KINDS)
def test_each_recipient_gets_a_link_of_their_own_and_it_works(kind: str, people: int, house: House) -> None:
    mails = send(house, kind, people)
    links = {str(mail["To"]): link_of(mail) for mail in mails}
    assert len(set(links.values())) == people
    assert {str(mail["List-Unsubscribe-Post"]) for mail in mails} == {"List-Unsubscribe=One-Click"}
    for mail in mails:
        text = mail.get_body(("plain",))
        assert text is not None
        assert f"leave at {link_of(mail)} or choose at {link_of(mail)}/preferences" in text.get_content()
    client = house.api.app.test_client()
    for address, link in links.items():
        assert link.startswith(house.workshop.settings.address + "/u/")
        answer = client.post(urlsplit(link).path, data={"List-Unsubscribe": "One-Click"})
        assert answer.status_code == 200, address
    with house.workshop.database.read() as session:
        assert session.scalars(select(Subscriber.pk)).all() == []


@pytest.mark.parametrize("kind", EMAIL_KINDS)
def test_the_field_stands_on_the_wire_in_one_piece(kind: str, house: House) -> None:
    send(house, kind, 3)
    for summary in house.outbox.newest():
        row = house.outbox.get(summary.id)
        assert row is not None
        if kind in IN_REQUEST:
            sent = row.request.decode()
            sent = unquote_plus(sent) if kind == "mailgun" else json.dumps(_body(sent), separators=(",", ":"))
            assert IN_REQUEST[kind] + house.workshop.settings.address in sent
        else:
            lines = [line for line in row.raw.split(b"\r\n") if line.startswith(b"List-Unsubscribe: ")]
            assert [line.endswith(b">") and b"=?" not in line for line in lines] == [True]


def _body(request: str) -> object:
    return json.loads(request.partition("\r\n\r\n")[2])


@pytest.mark.parametrize("kind", EMAIL_KINDS)
def test_a_message_to_people_themselves_carries_no_such_field(kind: str, house: House) -> None:
    for mail in send(house, kind, 2, to_topic=False, content="Your code is 123456"):
        assert mail["List-Unsubscribe"] is None
        assert mail["List-Unsubscribe-Post"] is None
