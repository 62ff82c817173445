"""A restored installation sends nothing by itself, and nobody twice: schedules that passed, sends that went on."""

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from app.domain.errors import Conflict, Forbidden
from app.domain.permissions import Actor, ActorKind, Role, permissions_of, system
from app.engine import dispatch, fanout, fence, ledger, reaper, scheduler, ticker
from app.engine.fence import Watchman
from app.engine.machine import Machine
from app.infra.broker import Broker
from app.infra.db import Database
from app.infra.settings import Settings
from app.infra.vault import Vault
from app.models.messages import Message
from app.services.running import backups, restores
from app.services.sending import fences
from app.services.work import Workshop
from tests import factories
from tests.conftest import SECRET, FakeClock
from tests.engine.conftest import MailServer, running_server  # noqa: F401 - a fixture
from tests.engine.story import connect, counts, message, start

KEY = "a-key-of-a-setting-that-is-long-enough"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.but({"secret_keys": KEY})


@pytest.fixture
def mail(running_server: MailServer) -> MailServer:  # noqa: F811 - asked for by its name
    running_server.heal()
    running_server.outbox.clear()
    return running_server


@pytest.fixture
def original(workshop: Workshop, settings: Settings) -> Iterator[Machine]:
    yield from machines(settings, workshop.database, workshop.clock)


def machines(settings: Settings, database: Database, clock: FakeClock) -> Iterator[Machine]:
    machine = Machine(settings, database, Broker(settings.broker_url), clock, Vault([SECRET]))
    yield machine
    machine.close()
    machine.broker.close()


@pytest.fixture
def restored(original: Machine, tmp_path: Path, request: pytest.FixtureRequest) -> "Iterator[Restored]":
    """What `carillon db restore` makes elsewhere of a backup of the original, and who works there."""
    yield from Restored(original, tmp_path, request).lasting()


class Restored:
    """A second installation; `make` keeps the original's present state, `open` is called once it shall be put back."""

    def __init__(self, original: Machine, folder: Path, request: pytest.FixtureRequest) -> None:
        self._original = original
        self._path = folder / "backup.tar.zst"
        url = request.getfixturevalue("postgresql").new_database() if original.settings.database_url else ""
        self.settings = original.settings.but({"data_dir": folder / "elsewhere", "database_url": url})
        self.machine = original

    def lasting(self) -> "Iterator[Restored]":
        yield self
        if self.machine is not self._original:
            self.machine.close()
            self.machine.database.close()
            self.machine.broker.close()

    def keep(self) -> None:
        backups.make_backup(self._original.settings, self._path, self._original.clock.now())

    def open(self) -> Machine:
        clock = self._original.clock
        restores.restore(self.settings, self._path, clock.now(), force=True)
        self.machine = Machine(
            self.settings.but({"allow_private_hosts": True}), Database(self.settings.sqlalchemy_url),
            Broker(self.settings.broker_url), clock, Vault([SECRET]),
        )  # fmt: skip
        return self.machine

    def confirm(self, *, goes_on: bool) -> fences.Waiting:
        with self.shop.open(system()) as work:
            return fences.confirm(work, goes_on=goes_on)

    @property
    def shop(self) -> Workshop:
        own = self.machine
        return Workshop(own.settings, own.database, own.broker, own.clock, own.vault)


def go_on(machine: Machine, message_pk: int) -> None:
    """Everything that the machine does by itself in a second."""
    Watchman(machine).keep()
    scheduler.start_due(machine)
    scheduler.set_aside_late(machine)
    reaper.reap(machine)
    ticker.sweep(machine)
    dispatch.drain(machine, message_pk)
    ticker.sweep(machine)


def schedule(machine: Machine, *seconds: float) -> list[int]:
    """A message to the same two people for each of these times; none of them is ever too late by itself."""
    with machine.database.begin() as session:
        audience = {"topics": [factories.make_audience(session, 2).id]}
        times = [machine.clock.now() + timedelta(seconds=each) for each in seconds]
        made = [
            factories.make_message(
                session, audience=audience, status="scheduled", max_lateness=7 * 86400, scheduled_at=moment
            )
            for moment in times
        ]
        return [message.pk for message in made]


def fan_out_and_send(machine: Machine, message_pk: int) -> None:
    fanout.expand(machine, message_pk)
    dispatch.drain(machine, message_pk)


def test_a_schedule_that_passed_since_the_backup_is_not_sent_again(
    original: Machine, restored: Restored, mail: MailServer, clock: FakeClock
) -> None:
    """As a restored server did that had kept an old schedule (knadh/listmonk #1801)."""
    connect(original, mail)
    passed, ahead = schedule(original, 60, 86_400)
    restored.keep()
    clock.move(600)
    assert scheduler.start_due(original) == 1
    fan_out_and_send(original, passed)
    assert len(mail.recipients()) == 2

    copy = restored.open()
    for _ in range(3):
        go_on(copy, passed)
        clock.move(60)
    assert len(mail.recipients()) == 2
    with restored.shop.read(system()) as work:
        assert fences.waiting(work).words == (
            "No message is on its way. 2 messages are scheduled, 1 of them for a time that has passed."
        )

    restored.confirm(goes_on=True)
    for _ in range(3):
        go_on(copy, passed)
        clock.move(60)
    assert len(mail.recipients()) == 2
    waiting = message(copy, passed)
    assert (waiting.status, waiting.late_at is not None) == ("scheduled", True)
    clock.move(86_400)
    assert scheduler.start_due(copy) == 1  # what lay ahead of the confirmation starts by itself
    fan_out_and_send(copy, ahead)
    assert len(mail.recipients()) == 4


def _hold(machine: Machine, message_pk: int, size: int) -> None:
    """Claim a batch, as a worker has it in hand at the moment of the backup."""
    with machine.database.begin() as session:
        found = session.get_one(Message, message_pk)
        assert ledger.claim(
            session, found, ledger.Lane(None), size, ledger.Holder(machine.name, machine.lease), machine.clock.now()
        )


@pytest.mark.parametrize("goes_on", [False, True])
def test_a_send_in_the_middle_of_which_the_backup_was_made(
    original: Machine, restored: Restored, mail: MailServer, clock: FakeClock, goes_on: bool
) -> None:
    """The original finishes; the copy sends nobody a second mail unless a person said that the rest shall go."""
    connect(original, mail)
    message_pk = start(original, people=10)
    _hold(original, message_pk, 3)
    restored.keep()
    clock.move(3600)
    reaper.reap(original)
    for _ in range(3):
        dispatch.drain(original, message_pk)
        clock.move(3600)
    assert len(mail.recipients()) == 10

    copy = restored.open()
    go_on(copy, message_pk)
    assert len(mail.recipients()) == 10
    assert counts(copy, message_pk) == {"queued": 7, "uncertain": 3}
    found = restored.confirm(goes_on=goes_on)
    assert (found.under_way, found.left, found.uncertain) == (1, 7, 3)
    for _ in range(3):
        go_on(copy, message_pk)
        clock.move(3600)
    twice = [address for address, times in Counter(mail.recipients()).items() if times > 1]
    if goes_on:
        assert len(twice) == 7  # a person said so; not one of the three that nobody knows of
        assert counts(copy, message_pk) == {"sent": 7, "uncertain": 3}
    else:
        assert twice == []
        assert counts(copy, message_pk) == {"skipped": 7, "uncertain": 3}


def test_a_choice_before_anything_ran_leaves_the_uncertain_ones_alone(
    original: Machine, restored: Restored, mail: MailServer, clock: FakeClock
) -> None:
    connect(original, mail)
    message_pk = start(original, people=5)
    _hold(original, message_pk, 2)
    restored.keep()
    copy = restored.open()
    restored.confirm(goes_on=False)
    go_on(copy, message_pk)
    assert mail.recipients() == []
    assert counts(copy, message_pk) == {"skipped": 3, "uncertain": 2}
    assert message(copy, message_pk).status == "failed"


class TestWhoConfirms:
    """An admin of everything that waits, once."""

    @pytest.fixture
    def fenced(self, workshop: Workshop, original: Machine) -> Workshop:
        start(original, people=1)
        with workshop.database.begin() as session:
            fence.found(session, workshop.clock.now())
            fence.raise_fence(session, fence.FenceReason.COPIED, workshop.clock.now())
        return workshop

    @pytest.mark.parametrize("role", [Role.VIEWER, Role.COMPOSER, Role.OPERATOR])
    def test_nobody_else_may(self, fenced: Workshop, role: Role) -> None:
        actor = Actor(ActorKind.MEMBER, "X", project_pk=1, pk=1, permissions=permissions_of(frozenset({role})))
        with pytest.raises(Forbidden), fenced.open(actor) as work:
            fences.confirm(work, goes_on=True)

    def test_an_admin_of_one_project_does_not_speak_for_another(self, fenced: Workshop, actor: Actor) -> None:
        """Olga has the admin's role where she asks, and none in the project whose message waits."""
        with pytest.raises(Forbidden, match="other projects wait too"), fenced.open(actor) as work:
            fences.confirm(work, goes_on=True)

    def test_a_second_confirmation_finds_nothing_to_confirm(self, fenced: Workshop) -> None:
        with fenced.open(system()) as work:
            assert fences.confirm(work, goes_on=True).left == 1
        with pytest.raises(Conflict, match="nothing to confirm"), fenced.open(system()) as work:
            fences.confirm(work, goes_on=True)
