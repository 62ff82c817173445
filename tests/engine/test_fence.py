"""The fence: what was restored, copied or rolled back sends nothing; what was only started again does."""

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from app.domain.errors import Conflict
from app.domain.fences import FenceReason
from app.domain.message_states import MessageEvent
from app.engine import dispatch, fence, ledger, lifecycle, reaper, scheduler, ticker
from app.engine.fence import Watchman
from app.engine.machine import Machine
from app.engine.overdue import Overdue
from app.models.messages import Message
from tests import factories
from tests.conftest import FakeClock
from tests.engine.conftest import MailServer
from tests.engine.story import connect, counts, message, rows, start


def put_up(machine: Machine, reason: FenceReason = FenceReason.RESTORED) -> None:
    with machine.database.begin() as session:
        fence.found(session, machine.clock.now())
        fence.raise_fence(session, reason, machine.clock.now())


def scheduled(machine: Machine, after: float) -> int:
    with machine.database.begin() as session:
        topic = factories.make_audience(session, 1, topic=f"News {factories.number()}")
        moment = machine.clock.now() + timedelta(seconds=after)
        made = factories.make_message(session, audience={"topics": [topic.id]}, status="scheduled", scheduled_at=moment)
        return int(made.pk)


def test_nothing_is_claimed_behind_the_fence_and_all_of_it_after(any_machine: Machine, mail: MailServer) -> None:
    connect(any_machine, mail)
    message_pk = start(any_machine, people=3)
    put_up(any_machine)
    assert dispatch.drain(any_machine, message_pk) == 0
    ticker.sweep(any_machine)
    assert mail.recipients() == []
    assert counts(any_machine, message_pk) == {"queued": 3}
    with any_machine.database.begin() as session:
        fence.take_down(session, any_machine.clock.now(), by="Olga")
    assert dispatch.drain(any_machine, message_pk) == 3
    assert len(mail.recipients()) == 3


def test_a_batch_under_way_stops_when_the_fence_goes_up(machine: Machine, mail: MailServer) -> None:
    connect(machine, mail)
    message_pk = start(machine, people=1)
    with machine.database.begin() as session:
        found = session.get_one(Message, message_pk)
        holder = ledger.Holder(machine.name, machine.lease)
        lease = ledger.claim(session, found, ledger.Lane(None), 1, holder, machine.clock.now())
        assert lease is not None
    put_up(machine)
    with machine.database.begin() as session:
        assert not ledger.renew(session, lease, machine.clock.now())


def test_no_message_is_started_behind_the_fence_by_anybody(any_machine: Machine) -> None:
    message_pk = scheduled(any_machine, 10)
    put_up(any_machine)
    any_machine.clock.sleep(20)
    assert scheduler.start_due(any_machine) == 0
    assert message(any_machine, message_pk).status == "scheduled"
    with any_machine.database.begin() as session:
        held = session.get_one(Message, message_pk)
        with pytest.raises(Conflict, match="restored or copied"):
            lifecycle.start(session, held, MessageEvent.SEND, any_machine.clock.now())


def test_what_was_being_sent_is_uncertain_and_not_tried_again(any_machine: Machine, mail: MailServer) -> None:
    """Its journal is gone: an empty one must not be read as "never started", and nobody may send it a second time."""
    connect(any_machine, mail)
    message_pk = start(any_machine, people=4)
    with any_machine.database.begin() as session:
        found = session.get_one(Message, message_pk)
        holder = ledger.Holder(any_machine.name, any_machine.lease)
        assert ledger.claim(session, found, ledger.Lane(None), 3, holder, any_machine.clock.now())
    put_up(any_machine)
    assert reaper.reap(any_machine, Overdue(any_machine.lease)) == 1, "a ticker that sees it first need not wait"
    assert counts(any_machine, message_pk) == {"queued": 1, "uncertain": 3}


class TestWatchman:
    """What it finds, and what it must not take for something else."""

    def test_a_start_makes_the_row_and_later_ones_find_it(self, any_machine: Machine) -> None:
        assert Watchman(any_machine).look() is None
        first = rows(any_machine, "SELECT id, beat FROM installations")
        assert Watchman(any_machine).look() is None
        assert rows(any_machine, "SELECT id, beat FROM installations") == first
        assert (any_machine.settings.data_dir / "installation.json").stat().st_mode & 0o777 == 0o600

    def test_each_beat_takes_the_witness_along(self, any_machine: Machine) -> None:
        guard = Watchman(any_machine)
        guard.keep()
        guard.keep()
        assert rows(any_machine, "SELECT beat FROM installations") == [(1,)]  # a minute lies between two
        (own,) = rows(any_machine, "SELECT id FROM installations")[0]
        assert [each.beat for each in guard.witness.recall(own)] == [1, 1]  # the file's, and the queue's

    def test_a_database_put_back_by_hand_is_fenced_by_either_witness(self, any_machine: Machine) -> None:
        guard = Watchman(any_machine)
        guard.keep()
        _go_back(any_machine, beat=0)
        guard.witness.file.unlink()  # the queue's server has seen it too
        assert Watchman(any_machine).look() is FenceReason.ROLLED_BACK

    def test_the_file_alone_tells_when_the_queue_was_lost(self, any_machine: Machine) -> None:
        guard = Watchman(any_machine)
        guard.keep()
        _go_back(any_machine, beat=0)
        any_machine.broker.redis.flushdb()
        assert Watchman(any_machine).look() is FenceReason.ROLLED_BACK
        assert Watchman(any_machine).look() is FenceReason.ROLLED_BACK

    def test_lost_witnesses_fence_nothing(self, any_machine: Machine) -> None:
        guard = Watchman(any_machine)
        guard.keep()
        guard.witness.file.write_text("{")
        any_machine.broker.redis.flushdb()
        assert Watchman(any_machine).look() is None

    def test_a_second_machine_with_a_data_dir_of_its_own_fences_nothing(
        self, any_machine: Machine, tmp_path: Path
    ) -> None:
        Watchman(any_machine).keep()
        settings = any_machine.settings.but({"data_dir": tmp_path / "other"})
        (tmp_path / "other").mkdir()
        other = Machine(settings, any_machine.database, any_machine.broker, any_machine.clock, any_machine.vault)
        first, second = Watchman(any_machine), Watchman(other)
        for _ in range(3):
            assert second.look() is None
            second.keep()
            assert first.look() is None

    def test_once_confirmed_earlier_sightings_do_not_count(self, any_machine: Machine, clock: FakeClock) -> None:
        guard = Watchman(any_machine)
        guard.keep()
        _go_back(any_machine, beat=0)
        assert Watchman(any_machine).look() is FenceReason.ROLLED_BACK
        clock.move(1)
        with any_machine.database.begin() as session:
            fence.take_down(session, clock.now(), by="Olga")
        assert Watchman(any_machine).look() is None
        assert guard.look() is None


def _go_back(machine: Machine, *, beat: int) -> None:
    with machine.database.begin() as session:
        session.execute(text("UPDATE installations SET beat = :beat, nonce = 'before'"), {"beat": beat})
