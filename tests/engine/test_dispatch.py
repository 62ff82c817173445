"""From claimed deliveries over a real socket to the ledger."""

from sqlalchemy import select

from app.engine import dispatch
from app.engine.machine import Machine
from app.models.providers import Provider
from app.models.suppressions import Suppression
from app.models.targets import Target
from tests.conftest import START, FakeClock
from tests.engine import story
from tests.engine.conftest import MailServer


def test_everybody_in_the_audience_gets_one_mail(any_machine: Machine, mail: MailServer) -> None:
    story.connect(any_machine, mail)
    pk = story.start(any_machine, people=30)
    assert dispatch.drain(any_machine, pk) == 30
    assert story.counts(any_machine, pk) == {"sent": 30}
    assert mail.recipients() == sorted(f"person{number}@example.org" for number in range(30))
    assert story.message(any_machine, pk).status == "sent"


def test_the_mail_says_the_persons_own_name(machine: Machine, mail: MailServer) -> None:
    story.connect(machine, mail)
    dispatch.drain(machine, story.start(machine, people=2))
    bodies = [mail.outbox.get(row.id).raw for row in mail.outbox.newest()]
    assert any(b"Hello Person 0" in body for body in bodies)
    assert any(b"Hello Person 1" in body for body in bodies)


def test_an_address_that_changed_since_the_fan_out_gets_what_the_ledger_says(
    machine: Machine, mail: MailServer
) -> None:
    story.connect(machine, mail)
    pk = story.start(machine, people=1)
    with machine.database.begin() as session:
        target = session.scalars(select(Target)).one()
        target.address = target.address_key = "elsewhere@example.org"
    dispatch.drain(machine, pk)
    assert mail.recipients() == ["person0@example.org"]


def test_every_try_has_an_attempt_with_the_servers_answer(machine: Machine, mail: MailServer) -> None:
    story.connect(machine, mail)
    pk = story.start(machine, people=2)
    dispatch.drain(machine, pk)
    attempts = story.rows(machine, "SELECT number, outcome, code FROM attempts WHERE message_pk = :pk", pk=pk)
    assert [tuple(row[:2]) for row in attempts] == [(1, "accepted"), (1, "accepted")]
    assert all(row.code.startswith("250") for row in attempts)


def test_the_ids_that_programs_chose_never_hold_up_a_batch(machine: Machine, mail: MailServer) -> None:
    story.connect(machine, mail)
    mail.turn("mailbox-unknown")
    pk = story.start(machine, people=2)
    with machine.database.begin() as session:
        for number in range(10):
            session.add(
                Suppression(
                    id=f"d{number}", project_pk=1, channel="email", address_key=f"other{number}@example.org",
                    reason="by_hand", created_at=START, updated_at=START,
                )
            )  # fmt: skip
    dispatch.drain(machine, pk)
    assert story.counts(machine, pk) == {"failed": 2}
    suppressed = story.rows(machine, "SELECT 1 FROM suppressions WHERE address_key LIKE 'person%'")
    assert len(suppressed) == 2


def test_a_dead_mailbox_fails_and_is_suppressed(machine: Machine, mail: MailServer) -> None:
    story.connect(machine, mail)
    mail.turn("mailbox-unknown")
    pk = story.start(machine, people=2)
    dispatch.drain(machine, pk)
    assert story.counts(machine, pk) == {"failed": 2}
    assert story.message(machine, pk).status == "failed"
    suppressed = story.rows(machine, "SELECT address_key, reason FROM suppressions ORDER BY address_key")
    assert [tuple(row) for row in suppressed] == [
        ("person0@example.org", "hard_bounce"),
        ("person1@example.org", "hard_bounce"),
    ]


def test_trouble_in_the_server_is_tried_again_later(machine: Machine, mail: MailServer, moving: FakeClock) -> None:
    story.connect(machine, mail)
    mail.turn("server-error")
    pk = story.start(machine, people=2)
    dispatch.drain(machine, pk)
    assert story.counts(machine, pk) == {"queued": 2}
    assert dispatch.drain(machine, pk) == 0
    mail.heal()
    moving.move(60)
    dispatch.drain(machine, pk)
    assert story.counts(machine, pk) == {"sent": 2}
    numbers = story.rows(machine, "SELECT attempts FROM deliveries WHERE message_pk = :pk", pk=pk)
    assert [row.attempts for row in numbers] == [2, 2]


def test_a_server_that_hangs_up_after_the_message_leaves_it_uncertain(machine: Machine, mail: MailServer) -> None:
    provider = story.connect(machine, mail)
    with machine.database.begin() as session:
        session.get_one(Provider, provider).uncertain_policy = "hold"
    mail.turn("drop-after-dot")
    pk = story.start(machine, people=1)
    dispatch.drain(machine, pk)
    assert story.counts(machine, pk) == {"uncertain": 1}
    assert story.message(machine, pk).status == "failed"


def test_an_uncertain_mail_is_tried_again_when_the_provider_says_so_and_keeps_its_mark(
    machine: Machine, mail: MailServer, moving: FakeClock
) -> None:
    story.connect(machine, mail)
    mail.turn("drop-after-dot", remaining=1)
    pk = story.start(machine, people=1)
    dispatch.drain(machine, pk)
    moving.move(60)
    dispatch.drain(machine, pk)
    assert story.counts(machine, pk) == {"sent": 1}
    assert [row.was_uncertain for row in story.rows(machine, "SELECT was_uncertain FROM deliveries")] == [1]
    ids = {_message_id(mail.outbox.get(row.id).raw) for row in mail.outbox.newest()}
    assert len(mail.recipients()) == 2
    assert len(ids) == 1, "a double carries the same Message-ID"


def test_a_wrong_password_blocks_the_provider_and_touches_nobody(machine: Machine, mail: MailServer) -> None:
    provider = story.connect(machine, mail, username="default", password="wrong")
    mail.turn("wrong-password")
    pk = story.start(machine, people=5)
    assert dispatch.drain(machine, pk) == 0
    assert story.counts(machine, pk) == {"queued": 5}
    with machine.database.read() as session:
        blocked = session.get_one(Provider, provider)
        assert blocked.blocked_reason == "authentication_failed"
    dispatch.drain(machine, pk)
    assert "Mail cannot be used" in story.message(machine, pk).waiting_reason


def test_a_repaired_provider_goes_on_by_itself(machine: Machine, mail: MailServer, moving: FakeClock) -> None:
    story.connect(machine, mail, username="default", password="right")
    mail.turn("wrong-password")
    pk = story.start(machine, people=5)
    dispatch.drain(machine, pk)
    mail.heal()
    moving.move(60)
    dispatch.drain(machine, pk)
    assert story.counts(machine, pk) == {"sent": 5}
    assert story.message(machine, pk).waiting_reason == ""


def test_without_a_provider_the_message_waits_and_says_why(machine: Machine) -> None:
    pk = story.start(machine, people=2)
    dispatch.drain(machine, pk)
    assert story.counts(machine, pk) == {"queued": 2}
    assert story.message(machine, pk).waiting_reason.startswith("No provider is connected")


def test_a_paused_message_is_not_sent(machine: Machine, mail: MailServer) -> None:
    story.connect(machine, mail)
    pk = story.start(machine, people=2)
    with machine.database.begin() as session:
        held = dispatch.lifecycle.lock(session, pk)
        dispatch.lifecycle.pause(session, held, machine.clock.now(), by="Otis")
    assert dispatch.drain(machine, pk) == 0
    assert mail.recipients() == []


def _message_id(raw: bytes) -> bytes:
    return next(line for line in raw.splitlines() if line.lower().startswith(b"message-id:"))
