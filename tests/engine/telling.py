"""The story of one message that anything may happen to: its stage, its end, and what every step of it is held to."""

from typing import Any

from hypothesis.stateful import RuleBasedStateMachine, invariant
from sqlalchemy import delete, select, update

from app.domain.message_states import MessageEvent
from app.domain.outcomes import Outcome, OutcomeKind, Reason, accepted
from app.engine import breaker, dispatch, fanout, feedback, fence, lifecycle, reaper, ticker
from app.engine.machine import Machine
from app.engine.overdue import Overdue
from app.models.base import Base, from_milliseconds
from app.models.messages import Message
from app.models.projects import Project
from app.models.providers import Provider
from tests import factories
from tests.conftest import START, FakeClock
from tests.engine import runners, story
from tests.engine.hands import Hand
from tests.engine.reckoning import Reckoning, Row
from tests.engine.runners import Runner

PEOPLE = 6
TAKEN = accepted("theirs")
LOST = Outcome(OutcomeKind.UNCERTAIN, Reason.WORKER_LOST)

_ROWS = """
SELECT address, state, batch_pk, attempts, was_uncertain,
  (SELECT count(*) FROM attempts WHERE delivery_pk = deliveries.pk) AS tries,
  (SELECT count(*) FROM attempts WHERE delivery_pk = deliveries.pk AND outcome = 'uncertain') AS doubts
FROM deliveries WHERE message_pk = :pk
"""
_TO_APPLY = """
SELECT e.pk, d.address, e.event FROM feedback_events e JOIN deliveries d ON e.delivery_key LIKE d.pk || '.%'
WHERE e.applied_at IS NULL AND e.look_at <= :now ORDER BY e.look_at, e.pk
"""


class Stage:
    """What outlives a story: two machines on one database, the service, the clock."""

    def __init__(self, machines: list[Machine], runner: Runner, clock: FakeClock) -> None:
        self.machines, self.runner, self.clock = machines, runner, clock

    def monotonic(self) -> float:
        """The clock that only grows, which stands and moves with the other one."""
        return 1000 + (self.clock.moment - START).total_seconds()

    def clear(self) -> None:
        """As if nothing had ever been sent."""
        machine = self.machines[0]
        machine.broker.redis.flushdb()
        self.clock.moment = START
        self.runner.sent.clear()
        with machine.database.begin() as session:
            for table in reversed(Base.metadata.sorted_tables):
                if table.name != "projects":
                    session.execute(delete(table))
            session.execute(update(Project).values(stopped_at=None, stopped_by=""))
        for each in self.machines:
            for file in each.journal_dir.glob("*.journal"):
                file.unlink()


class Telling(RuleBasedStateMachine):
    """One message to six people through two providers, three workers on two machines; what every step is held to."""

    def __init__(self, stage: Stage) -> None:
        super().__init__()
        stage.clear()
        self.stage, self.clock, self.machine = stage, stage.clock, stage.machines[0]
        here, there = stage.machines
        self.hands = [Hand(each, stage.monotonic) for each in (here, here, there)]
        self.overdue = [Overdue(each.lease) for each in stage.machines]
        self.providers = runners.connect(self.machine, 0, 1, uncertain_policy="retry")
        runners.change(self.machine, self.providers[1], uncertain_policy="hold")
        with self.machine.database.begin() as session:
            targets = [
                factories.make_target(
                    session, factories.make_contact(session), address=f"+4915100000{n}", channel="sms"
                )
                for n in range(PEOPLE)
            ]
            message = factories.make_message(
                session, channel="sms", content={"text": "Hello"}, audience={"targets": [each.id for each in targets]}
            )
            lifecycle.start(session, message, MessageEvent.SEND, self.clock.now())
            self.pk, self.id = int(message.pk), str(message.id)
            self.model = Reckoning([each.address for each in targets])
        self.told = 0  # receipts

    @invariant()
    def shows_what_the_model_says(self) -> None:
        message = story.message(self.machine, self.pk)
        if message.settled_at is not None and not self.model.is_settled:
            assert self.model.is_over, "settled, and somebody is left"
            self.model.is_settled, self.model.is_paused = True, False
            ends = {each.state for each in self.model.people.values()}
            is_clean = not self.model.is_cancelled and not ends & {"failed", "bounced", "uncertain"}
            assert message.status == ("sent" if is_clean else "failed")
        assert (message.settled_at is not None) == self.model.is_settled == (message.status != "processing")
        shown = {row[0]: Row(row[1], row[2], row[3], bool(row[4]), row[5], row[6]) for row in self.rows(_ROWS)}
        assert shown == {address: person.row() for address, person in self.model.people.items()}
        story.counts(self.machine, self.pk)  # the tally is true
        open_batches = {row[0] for row in self.rows("SELECT pk FROM batches WHERE message_pk = :pk AND state = 'open'")}
        assert open_batches == self.model.held.keys()
        for person in self.model.people.values():
            person.check()

    def rows(self, sql: str, **values: Any) -> list[Any]:
        return story.rows(self.machine, sql, **({"pk": self.pk} if ":pk" in sql else {}), **values)

    def suppressed(self) -> set[str]:
        return {row[0] for row in self.rows("SELECT address_key FROM suppressions")}

    def teardown(self) -> None:
        """Once nobody is in the way any more, everybody is settled: nothing hangs, and nobody was forgotten."""
        self.hands = []
        lift(self)
        for _ in range(12):
            if self.model.is_settled:
                break
            self.clock.move(5 * 3600)
            self._go_on()
            self.shows_what_the_model_says()
        assert self.model.is_settled, f"it hangs: {self.model}"

    def _go_on(self) -> None:
        fan_out(self, PEOPLE)
        reap(self, 0, None)
        repair(self)
        drain(self, 0)
        self.shows_what_the_model_says()  # it may be settled now, with what is known now; receipts change no status
        apply(self)
        sweep(self, 0)


def fan_out(telling: Telling, size: int) -> None:
    fanout._expand_page(telling.machine, telling.pk, size)
    telling.model.plan(size, telling.suppressed())


def reap(telling: Telling, place: int, memory: Overdue | None) -> None:
    """Take over what ran out, as seen from that machine: by the clock, or by what its ticker remembers."""
    now, where = telling.clock.now(), place_of(telling.stage.machines[place])
    before = {pk: from_milliseconds(until) for pk, until in telling.rows(_OPEN)}
    reaper.reap(telling.stage.machines[place], memory)
    after = {pk for pk, _ in telling.rows(_OPEN)}
    late = {pk for pk, until in before.items() if telling.model.held[pk].is_lost_to(where, until, now)}
    taken = before.keys() - after
    assert taken == late if memory is None else all(before[pk] <= now for pk in taken)
    for pk in sorted(taken, key=lambda pk: (before[pk], pk)):  # as they are taken over, one after the other
        telling.model.reap(telling.model.held[pk], where, LOST, now)


_OPEN = "SELECT pk, lease_until FROM batches WHERE state = 'open'"


def place_of(machine: Machine) -> str:
    return machine.name.partition(":")[0]


def repair(telling: Telling) -> None:
    with telling.machine.database.begin() as session:
        for provider in session.scalars(select(Provider)):
            breaker.close(session, provider, telling.clock.now(), by="Olga")


def drain(telling: Telling, place: int) -> None:
    """A worker that nobody disturbs, through the whole of `dispatch.drain`; the service takes everything."""
    before, suppressed, now = len(telling.stage.runner.sent), telling.suppressed(), telling.clock.now()
    dispatch.drain(telling.stage.machines[place], telling.pk)
    sent = telling.stage.runner.sent[before:]
    assert telling.model.may_send or not sent
    for provider_pk, address in sent:
        carrier = telling.providers.index(provider_pk)
        person = telling.model.people[address]
        assert address not in suppressed
        person.claim(0, carrier, now)
        person.copies += 1
        person.end(TAKEN, now, carrier=carrier, holds=False)
    for address, state in telling.rows("SELECT address, state FROM deliveries WHERE message_pk = :pk"):
        if state == "skipped" and address in suppressed and telling.model.people[address].state == "queued":
            assert telling.model.may_send
            telling.model.people[address].state = "skipped"


def apply(telling: Telling) -> None:
    """Every receipt that is due is held against its delivery, or waits while a worker has that in hand."""
    due = telling.rows(_TO_APPLY, now=int(telling.clock.now().timestamp() * 1000))
    feedback.apply_due(telling.machine)
    left = {row[0] for row in telling.rows("SELECT pk FROM feedback_events WHERE applied_at IS NULL")}
    for pk, address, event in due:
        person = telling.model.people[address]
        assert person.state == "sending" or pk not in left
        if person.state != "sending":
            person.hear(event)


def sweep(telling: Telling, place: int) -> None:
    ticker.sweep(telling.stage.machines[place])
    if telling.model.is_cancelled and not telling.model.is_settled:
        telling.model.skip_rest()
    message = story.message(telling.machine, telling.pk)
    assert (message.settled_at is not None) == telling.model.is_over


def lift(telling: Telling) -> None:
    """Whatever was to hold sending up does so no more: pause, stop, fence."""
    with telling.machine.database.begin() as session:
        session.execute(update(Message).values(paused_at=None))
        session.execute(update(Project).values(stopped_at=None, stopped_by=""))
        fence.found(session, telling.clock.now())
        fence.take_down(session, telling.clock.now(), by="Olga")
    telling.model.is_paused = telling.model.is_stopped = telling.model.is_fenced = False
