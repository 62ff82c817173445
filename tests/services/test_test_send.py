"""A test email really goes out, and its outcome is told."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from sqlalchemy import select

from app.domain.errors import Forbidden, Invalid
from app.domain.permissions import Actor
from app.models.audit import AuditEntry
from app.models.providers import Provider
from app.services.messages import messages
from app.services.providers.provider_limits import usage_of
from app.services.work import Workshop
from app.services.writing import drafts, test_send
from app.services.writing.drafts import Draft
from tests.engine.conftest import MailServer
from tests.factories import make_audience, make_message, make_provider


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MailServer]:
    """A real mail server for all tests of this file."""
    running = MailServer(tmp_path_factory.mktemp("mail"))
    yield running
    running.stop()


@pytest.fixture
def mail(server: MailServer) -> MailServer:
    """The server without a fault and with nothing received yet."""
    server.heal()
    server.outbox.clear()
    return server


def make_draft(workshop: Workshop, actor: Actor, port: int) -> str:
    """A draft with a provider at that port of this machine, which stands for a private mail server."""
    with workshop.open(actor) as work:
        make_provider(work, port=port)
        topic = make_audience(work.session, 2)
        return str(make_message(work.session, audience={"topics": [topic.id]}).id)


@pytest.fixture
def shop(workshop: Workshop) -> Workshop:
    """A workshop whose operator allows private hosts."""
    workshop.settings = workshop.settings.but({"allow_private_hosts": True})
    return workshop


def test_a_test_arrives_filled_in_for_the_first_recipient(shop: Workshop, composer: Actor, mail: MailServer) -> None:
    key = make_draft(shop, composer, mail.port)
    trial = test_send.send_test(shop, composer, key, " Ed@Example.ORG ")
    assert (trial.works, trial.address, trial.provider_name) == (True, "Ed@example.org", "Mail")
    assert mail.recipients() == ["Ed@example.org"]
    arrived = mail.outbox.get(mail.outbox.newest(limit=1)[0].id)
    assert arrived is not None
    assert b"Hello Person 0" in arrived.raw


def test_a_test_comes_from_the_sender_of_the_message(shop: Workshop, composer: Actor, mail: MailServer) -> None:
    key = make_draft(shop, composer, mail.port)
    with shop.open(composer) as work:
        drafts.save_draft(work, key, Draft({"from_address": "ann@else.example"}), messages.find(work, key).version)
    assert test_send.send_test(shop, composer, key, "ed@example.org").works
    assert mail.outbox.newest(limit=1)[0].sender == "ann@else.example"


def test_a_full_inbox_is_told_as_it_is(shop: Workshop, composer: Actor, mail: MailServer) -> None:
    mail.turn("mailbox-full")
    trial = test_send.send_test(shop, composer, make_draft(shop, composer, mail.port), "ed@example.org")
    assert (trial.works, trial.outcome.reason) == (False, "mailbox_full")


def test_nobody_listening_is_told_and_not_raised(shop: Workshop, composer: Actor) -> None:
    trial = test_send.send_test(shop, composer, make_draft(shop, composer, 9), "ed@example.org")
    assert (trial.works, trial.outcome.reason) == (False, "unreachable")


def test_a_provider_is_tried_with_a_greeting(shop: Workshop, actor: Actor, mail: MailServer) -> None:
    with shop.open(actor) as work:
        provider = make_provider(work, port=mail.port).id
    assert test_send.send_provider_test(shop, actor, provider, "olga@example.org").works
    assert mail.outbox.newest(limit=1)[0].subject == "A test from Carillon"


@pytest.mark.parametrize("address", ["", "nobody", "a@b@c", "a@example.org\r\nRCPT TO:<b@example.org>"])
def test_an_address_that_cannot_be_is_refused(workshop: Workshop, composer: Actor, address: str) -> None:
    key = make_draft(workshop, composer, 25)
    with pytest.raises(Invalid, match="needs an address like"):
        test_send.send_test(workshop, composer, key, address)


def test_an_empty_draft_is_not_sent_for_trial(workshop: Workshop, composer: Actor) -> None:
    with workshop.open(composer) as work:
        key = make_message(work.session, subject="", body="").id
    with pytest.raises(Invalid, match="Subject is empty"):
        test_send.send_test(workshop, composer, key, "ed@example.org")


def test_a_viewer_may_not_send_a_test(workshop: Workshop, viewer: Actor, composer: Actor) -> None:
    key = make_draft(workshop, composer, 25)
    with pytest.raises(Forbidden):
        test_send.send_test(workshop, viewer, key, "ed@example.org")


def test_a_test_counts_for_the_limit_of_its_provider_and_waits_for_no_room(
    shop: Workshop, actor: Actor, mail: MailServer
) -> None:
    with shop.open(actor) as work:
        work.pacing.due()
        provider = make_provider(work, port=mail.port)
        provider.rate_count, provider.rate_seconds, provider.most_in_flight = 1, 600, 1
    assert test_send.send_provider_test(shop, actor, provider.id, "ed@example.org").works
    trial = test_send.send_provider_test(shop, actor, provider.id, "ed@example.org")
    assert (trial.works, trial.outcome.reason) == (False, "rate_limited")
    assert "gets no more messages at this moment, by its limits" in trial.outcome.detail
    assert mail.recipients() == ["ed@example.org"]
    with shop.read(actor) as work:
        usage = usage_of(work, provider)
    assert (usage.used, usage.in_flight) == (1, 0)


def test_a_member_sends_so_many_tests_an_hour_and_is_told_when_more_are_possible(
    shop: Workshop, actor: Actor, composer: Actor, mail: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(test_send, "PER_HOUR", 2)
    key = make_draft(shop, composer, mail.port)
    with shop.read(actor) as work:
        provider = work.session.scalars(select(Provider.id)).one()
    assert test_send.send_test(shop, actor, key, "ed@example.org").works
    with pytest.raises(Invalid, match="needs an address"):
        test_send.send_test(shop, actor, key, "nobody")  # nothing went out, so nothing is counted
    assert test_send.send_provider_test(shop, actor, provider, "ed@example.org").works
    for send, what in ((test_send.send_test, key), (test_send.send_provider_test, provider)):
        with pytest.raises(Invalid, match=r"2 tests an hour\. The next one can go out in (59|60) minutes\."):
            send(shop, actor, what, "ed@example.org")
    assert test_send.send_test(shop, replace(composer, pk=2), key, "ed@example.org").works, "another member"
    assert len(mail.recipients()) == 3
    with shop.read(actor) as work:
        told = work.session.scalars(select(AuditEntry.event).where(AuditEntry.event.like("%.test"))).all()
    assert len(told) == 3
