"""Unsubscribe links while sending: only where they lead somewhere, the same at every try, and heeded on the way."""

import email
import re
from email.message import EmailMessage
from email.policy import SMTP

import pytest
from sqlalchemy import text

from app.domain.permissions import Actor, ActorKind
from app.domain.rendered import Recipient
from app.domain.unsubscribing import Ticket
from app.engine import dispatch, plans
from app.engine.machine import Machine
from app.engine.unsubscribe_links import issued_at, linked, links_of
from app.models.messages import Message
from app.models.projects import Project
from app.models.topics import Topic
from app.services.people import preferences
from tests import factories
from tests.conftest import FakeClock
from tests.engine.conftest import MailServer
from tests.engine.story import connect, counts, message, rows, start, workshop_of

PUBLIC = "https://messages.acme.example"
VISITOR = Actor(ActorKind.MEMBER, "")
LINKS = {"subject": "Hi", "preheader": "", "format": "markdown", "body": "[Leave]({{ unsubscribe_url }}), {{ name }}."}


def publish(machine: Machine, address: str = PUBLIC) -> None:
    object.__setattr__(machine, "settings", machine.settings.but({"public_url": address}))


def arrived(mail: MailServer) -> list[EmailMessage]:
    rows = [mail.outbox.get(row.id) for row in mail.outbox.newest(limit=1000)]
    return [email.message_from_bytes(row.raw, policy=SMTP) for row in rows if row is not None]  # type: ignore[arg-type]


def leave(machine: Machine, sent: Message, address: str) -> preferences.Left:
    with machine.database.read() as session:
        named = session.query(Topic.pk).filter(Topic.id.in_(sent.audience["topics"])).all()
    ticket = Ticket(1, sent.pk, issued_at(sent), "email", address, tuple(pk for (pk,) in named), is_bulk=True)
    with workshop_of(machine).open(VISITOR) as work:
        return preferences.leave(work, ticket)


def test_an_email_to_a_topic_names_link_and_mailbox(any_machine: Machine, mail: MailServer) -> None:
    connect(any_machine, mail)
    publish(any_machine)
    with any_machine.database.begin() as session:
        session.get_one(Project, 1).unsubscribe_mailbox = "leave@acme.example"
    dispatch.drain(any_machine, start(any_machine, people=2, content=LINKS))
    for letter in arrived(mail):
        field = str(letter["List-Unsubscribe"])
        found = re.fullmatch(rf"<({PUBLIC}/u/[\w-]+)>, <mailto:leave@acme\.example\?subject=unsubscribe>", field)
        assert found is not None
        assert letter["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        page = letter.get_body(("html",))
        assert page is not None
        assert f'href="{found[1]}"' in page.get_content()


def test_without_a_public_address_nobody_gets_a_link_that_leads_nowhere(machine: Machine, mail: MailServer) -> None:
    connect(machine, mail)
    dispatch.drain(machine, start(machine, content=LINKS))
    assert len(arrived(mail)) == 3
    for letter in arrived(mail):
        assert letter["List-Unsubscribe"] is None
        assert b"localhost" not in letter.as_bytes()


def test_one_click_is_promised_for_https_alone(machine: Machine, mail: MailServer) -> None:
    connect(machine, mail)
    publish(machine, "http://messages.acme.example")
    dispatch.drain(machine, start(machine))
    assert all(letter["List-Unsubscribe"].startswith("<http://") for letter in arrived(mail))
    assert all(letter["List-Unsubscribe-Post"] is None for letter in arrived(mail))


def test_every_try_of_a_delivery_carries_the_same_link(machine: Machine, mail: MailServer, moving: FakeClock) -> None:
    connect(machine, mail)
    publish(machine)
    pk = start(machine, people=1)
    dispatch.drain(machine, pk)
    with machine.database.begin() as session:
        session.execute(text("UPDATE deliveries SET state = 'queued', next_attempt_at = 0"))
        session.execute(text("UPDATE tallies SET sent = 0, queued = 1"))
        session.execute(text("UPDATE messages SET status = 'processing', settled_at = NULL"))
    moving.move(86_400)
    dispatch.drain(machine, pk)
    first, second = arrived(mail)
    assert first["List-Unsubscribe"] == second["List-Unsubscribe"]


def test_whoever_leaves_is_left_out_of_what_is_on_its_way(any_machine: Machine, mail: MailServer) -> None:
    connect(any_machine, mail)
    pk = start(any_machine)
    leave(any_machine, message(any_machine, pk), "person1@example.org")
    assert counts(any_machine, pk) == {"queued": 2, "skipped": 1}
    assert rows(any_machine, "SELECT address, reason FROM deliveries WHERE state = 'skipped'") == [
        ("person1@example.org", "opted_out")
    ]
    dispatch.drain(any_machine, pk)
    assert mail.recipients() == ["person0@example.org", "person2@example.org"]


def test_whoever_is_named_by_another_topic_still_gets_it(any_machine: Machine, mail: MailServer) -> None:
    pk = start(any_machine)
    with any_machine.database.begin() as session:
        sent = session.get_one(Message, pk)
        target = session.query(factories.Target).filter_by(address="person1@example.org").one()
        other = factories.make_topic(session, name="Other", targets=[target])
        sent.audience = sent.audience | {"topics": [*sent.audience["topics"], other.id]}
        first_only = Message(pk=0, audience={"topics": sent.audience["topics"][:1]}, started_at=sent.started_at)
    leave(any_machine, first_only, "person1@example.org")
    assert counts(any_machine, pk) == {"queued": 3}


@pytest.mark.parametrize("body", ["Leave: {{ unsubscribe_url }}", "{{ preferences_url }}"])
def test_a_text_message_has_its_link_where_the_author_put_it(machine: Machine, body: str) -> None:
    publish(machine)
    with machine.database.begin() as session:
        sms = factories.make_message(session, channel="sms", content={"text": body}, audience={"contacts": ["x"]})
        compiled = plans.prepare_content(sms)
        links = links_of(machine, session, sms, compiled)
    prepared = linked(machine, compiled, links, is_emulated=False)
    shown = prepared.render(Recipient("+491701234567"))
    assert re.search(rf"{PUBLIC}/u/[\w-]+(/preferences)?$", shown.text)
    assert shown.missing == ()
