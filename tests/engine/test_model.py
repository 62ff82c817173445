"""Whatever happens to a message, in any order, the ledger shows what `tests.engine.reckoning` says it must.

Hypothesis chooses who claims, renews, sends, records, dies, is frozen, pauses, stops, cancels, restores, retries, and
what services answer and tell later; after each step every row, the tally and the batches are held against the model.
Without CARILLON_MODEL_EXAMPLES the same few stories are played each time; with it so many new ones.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import NamedTuple
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule, run_state_machine_as_test
from sqlalchemy import update

from app.domain.errors import Conflict
from app.domain.fences import FenceReason
from app.domain.outcomes import Outcome, OutcomeKind, accepted
from app.domain.permissions import Role
from app.domain.receipts import Receipt, ReceiptEvent
from app.engine import dispatch, fanout, feedback, fence, lifecycle, overdue, planning
from app.engine import watch as watching
from app.engine.ledger import LeaseLost
from app.engine.machine import Machine
from app.models.targets import Target
from app.services.sending import stopping
from tests import factories
from tests.conftest import FakeClock, member
from tests.engine import story
from tests.engine.hands import Grip, Hand
from tests.engine.reckoning import Held
from tests.engine.runners import BUSY, CUT, DEAD, DOWN, FULL, LARGE, REFUSED, STOPPED, WRONG, Runner, runner
from tests.engine.telling import (
    LOST,
    PEOPLE,
    Stage,
    Telling,
    apply,
    drain,
    fan_out,
    lift,
    place_of,
    reap,
    repair,
    sweep,
)

__all__ = ["runner"]  # the fixture

TAKEN = accepted("theirs")
TOLD = st.sampled_from(["sent", "opened", "failed", "delivered", "bounced", "unknown"])
MOMENTS = st.sampled_from([0.2, 1, 20, 59, 61, 80, 1200, 5 * 3600, 25 * 3600])  # seconds; a lease lasts 60
ANY = st.integers(0, PEOPLE - 1)
HANDS = st.integers(0, 2)
PLACES = st.integers(0, 1)
OLGA = member(Role.ADMIN, "Olga")
EXAMPLES = int(os.environ.get("CARILLON_MODEL_EXAMPLES", "0"))


class Move(NamedTuple):
    """What a worker does next, if it can: claim with empty hands, else `act`.

    When nobody is to be claimed, the three coins say what changes that: time, a repair, a look at lost batches.
    """

    act: str
    lane: int
    size: int  # of a claim, at most
    answers: list[Outcome]  # to whom it begins with now
    arrives: bool  # whether a copy arrives whose connection is cut
    is_heard: bool  # the last answer; else it is under way still
    is_tidy: bool  # the journal is forgotten
    last_words: str  # the line that a kill tears

    @property
    def is_frozen(self) -> bool:
        """Whether it sleeps past its lease at the worst moment: when it may start, and has not said so yet."""
        return self.last_words == "a" and self.size == 4


ACTS = ["send", "send", "send", "send", "record", "hear", "renew", "crash"]
ANSWERS = [TAKEN, TAKEN, TAKEN, DOWN, BUSY, WRONG, CUT, CUT, REFUSED, DEAD, STOPPED, FULL, LARGE]
MOVES = st.builds(
    Move, st.sampled_from(ACTS), ANY, st.integers(1, 4), st.lists(st.sampled_from(ANSWERS), min_size=1, max_size=3),
    st.booleans(), st.booleans(), st.booleans(), st.sampled_from(["", "s", "a"]),
)  # fmt: skip


def _throw(dice: Random) -> Move:
    answers = dice.choices(ANSWERS, k=dice.randint(1, 3))
    arrives, is_heard, is_tidy = (dice.random() < 0.5 for _ in range(3))
    torn = dice.choice(["", "s", "a"])
    lane, size = dice.randrange(PEOPLE), dice.randint(1, 4)
    return Move(dice.choice(ACTS), lane, size, answers, arrives, is_heard, is_tidy, torn)


class Work(Telling):
    """What workers do, and what happens to them."""

    @rule(moves=st.lists(st.tuples(HANDS, MOVES), min_size=4, max_size=12))
    def work(self, moves: list[tuple[int, Move]]) -> None:
        for which, move in moves:
            self._move(self.hands[which], move)
            self.shows_what_the_model_says()

    @rule(seed=st.integers(0, 2**32 - 1))
    def work_on(self, seed: int) -> None:
        """More of it, by dice: what Hypothesis makes up itself shrinks well, and repeats itself a lot."""
        dice = Random(seed)
        self.work([(dice.randrange(3), _throw(dice)) for _ in range(16)])

    def _move(self, hand: Hand, move: Move) -> None:
        if hand.grip is None and move.arrives and not self.model.may_send:
            lift(self)  # or most stories would stand still from their middle on
        elif hand.grip is None:
            self._claim(hand, move)
        elif move.act == "send" and not hand.grip.is_all_begun and not hand.grip.watch.is_over:
            self._send(hand.grip, move)
        elif move.act in {"send", "hear"} and hand.grip.under_way:
            self._hear(hand.grip)
        elif move.act == "renew":
            self._renew(hand.grip)
        elif move.act == "crash":
            self._crash(hand, hand.grip, move)
        else:
            self._record(hand, hand.grip, move)

    def _claim(self, hand: Hand, move: Move) -> None:
        suppressed = self.suppressed()
        grip, due = hand.claim(self.pk, move.lane, move.size)
        if grip is None:
            self.clock.move(move.size * (2400 if move.is_heard else 30))  # somebody is due again, or a lease runs out
            if move.is_tidy:
                reap(self, move.lane % 2, None)
            if move.arrives:
                repair(self)
            return
        assert self.model.may_send, "claimed, though it may not be sent"
        got = [each.address for each in grip.lease.deliveries]
        assert set(got) == set(due) - suppressed
        holds, lease = grip.lease.provider_pk == self.providers[1], grip.lease
        assert lease.provider_pk is not None
        carrier = self.providers.index(lease.provider_pk)
        held = Held(lease.batch_pk, got, place_of(hand.machine), holds, lease.claimed_at, carrier)
        self.model.claim(held, set(due) & suppressed, self.clock.now())

    def _send(self, grip: Grip, move: Move) -> None:
        """Begin with the next ones; what is cut off may have arrived, and the last answer may be under way still."""
        for index, outcome in enumerate(move.answers):
            if grip.is_all_begun or not grip.watch.may_start(1):
                return
            if move.is_frozen:
                self.clock.move(61)
                reap(self, move.lane % 2, None)
            held = self.model.held.get(grip.lease.batch_pk)
            place, grip.following = grip.following, grip.following + 1
            if held is not None:
                held.started.add(place)
            try:
                grip.watch.started([place])
            except LeaseLost:
                assert self.stage.monotonic() - grip.watch.held_since >= grip.lease.length.total_seconds()
                return
            assert held is not None, "sent by a worker whose batch was taken over"
            taken = outcome is TAKEN or (outcome.kind is OutcomeKind.UNCERTAIN and move.arrives)
            self.model.people[held.people[place]].copies += taken
            grip.under_way[place] = outcome
            if move.is_heard or index < len(move.answers) - 1:
                self._hear(grip)

    def _hear(self, grip: Grip) -> None:
        """What was under way is answered; by then the batch may be somebody else's."""
        held = self.model.held.get(grip.lease.batch_pk)
        for place, outcome in grip.under_way.items():
            grip.watch.answered(place, outcome)
            if held is not None:
                held.answered[place] = outcome
        grip.under_way.clear()

    def _renew(self, grip: Grip) -> None:
        was_over, is_ours = grip.watch.is_over, grip.lease.batch_pk in self.model.held
        grip.watch._renew()
        assert grip.watch.is_over == (was_over or not is_ours or not self.model.may_send)

    def _record(self, hand: Hand, grip: Grip, move: Move) -> None:
        """The batch ends; when it was taken over meanwhile, nothing is written."""
        held, now = self.model.held.get(grip.lease.batch_pk), self.clock.now()
        tried = hand.record(forgets=move.is_tidy)
        assert (tried is None) == (held is None)
        if held is not None:
            self.model.record(held, grip.watch.outcomes, set(grip.watch.begun), LOST, now)

    def _crash(self, hand: Hand, grip: Grip, move: Move) -> None:
        """The worker is killed; what it was writing at that moment is torn, so it was not sent, or not answered."""
        place = grip.following if move.last_words == "s" else next(iter(grip.under_way), None)
        is_torn = bool(move.last_words) and place is not None
        hand.die(f"{move.last_words} {place}".encode() if is_torn else b"")

    @rule(place=PLACES, by_clock=st.booleans())
    def reap(self, place: int, by_clock: bool) -> None:
        reap(self, place, None if by_clock else self.overdue[place])

    @precondition(lambda self: all(hand.grip is not None for hand in self.hands))
    @rule(place=PLACES)
    def drain(self, place: int) -> None:
        """A fourth worker, whom nobody disturbs, sends whatever is left."""
        drain(self, place)


class Desk(Telling):
    """What people do, and what services tell."""

    @rule(word=st.sampled_from(["resume", "resume", "pause", "cancel"]))
    def order(self, word: str) -> None:
        is_over, model = self.model.is_settled, self.model
        if word == "cancel" and not model.held:
            word = "pause"  # for there is no way back, and most stories would end here
        with self.machine.database.begin() as session:
            message = lifecycle.lock(session, self.pk)
            assert message is not None
            act = {"pause": lifecycle.pause, "resume": lifecycle.resume, "cancel": lifecycle.cancel}[word]
            try:
                act(session, message, self.clock.now(), by="Olga")
            except Conflict:
                assert is_over
                return
        assert not is_over
        if word == "cancel":
            model.is_paused = model.is_paused and model.is_cancelled
            model.is_cancelled = model.is_planned = True
        else:
            model.is_paused = word == "pause"

    @rule(state=st.sampled_from(["failed", "uncertain"]))
    def try_again(self, state: str) -> None:
        expected = 0 if self.model.is_cancelled else self.model.ask_again(state)
        total = 0
        try:
            total = story.retry(self.machine, self.pk, uncertain=state == "uncertain")
        except Conflict:
            assert not expected
        assert total == expected

    @rule(stops=st.sampled_from([True, True, False]))
    def stop_all(self, stops: bool) -> None:
        with story.workshop_of(self.machine).open(OLGA) as work:
            (stopping.stop if stops else stopping.resume)(work)
        self.model.is_stopped = stops

    @rule()
    def repair(self) -> None:
        repair(self)

    @rule(which=ANY, ends=st.booleans())
    def leave(self, which: int, ends: bool) -> None:
        """An address is suppressed, or its target ends; whom that comes too late for gets the message all the same."""
        address = self.model.audience[which]
        with self.machine.database.begin() as session:
            if ends:
                session.execute(update(Target).where(Target.address == address).values(expired_at=self.clock.now()))
                self.model.gone.add(address)
            elif address not in self.suppressed():
                factories.make_suppression(session, address, channel="sms")

    @precondition(lambda self: any(person.copies for person in self.model.people.values()))
    @rule(which=ANY, event=TOLD, times=st.integers(1, 2), is_looked_at=st.booleans())
    def tell(self, which: int, event: str, times: int, is_looked_at: bool) -> None:
        """A service tells of something it took: early, late, twice, in any order."""
        reached = [address for address, person in self.model.people.items() if person.copies]
        row = self.rows(
            "SELECT pk FROM deliveries WHERE message_pk = :pk AND address = :address",
            address=reached[which % len(reached)],
        )
        self.told += 1
        receipt = Receipt(ReceiptEvent(event), f"event {self.told}", delivery_key=f"{row[0][0]}.{self.id}")
        for _ in range(times):
            with self.machine.database.begin() as session:
                feedback.keep(session, (1, self.providers[0]), [receipt], self.clock.now())
            if is_looked_at:
                apply(self)


class AnyStory(Work, Desk):
    """All of it, and what time does."""

    @initialize(size=st.sampled_from([PEOPLE, PEOPLE, 3]))
    def begin(self, size: int) -> None:
        fan_out(self, size)

    @rule(size=st.integers(1, 4), crashes=st.booleans())
    def plan(self, size: int, crashes: bool) -> None:
        """A page of the fan-out; a worker that dies in it leaves nothing of it."""
        if not crashes or self.model.is_planned or self.model.planned == PEOPLE:
            fan_out(self, size)
            return
        with patch.object(planning, "_count", side_effect=SystemExit), pytest.raises(SystemExit):
            fanout._expand_page(self.machine, self.pk, size)

    @rule(seconds=MOMENTS)
    def wait(self, seconds: float) -> None:
        self.clock.move(seconds)

    @rule(place=PLACES)
    def tick(self, place: int) -> None:
        reap(self, place, self.overdue[place])
        apply(self)
        sweep(self, place)

    @precondition(lambda self: not self.model.is_fenced)
    @rule()
    def restore(self) -> None:
        """The database is one that was restored elsewhere: whoever holds a batch does so in another one."""
        for hand in self.hands:
            if hand.grip is not None:
                hand.die()
        with self.machine.database.begin() as session:
            fence.found(session, self.clock.now())
            fence.raise_fence(session, FenceReason.RESTORED, self.clock.now())
        self.model.is_fenced = True
        self.model.disown()

    @precondition(lambda self: self.model.is_fenced)
    @rule()
    def confirm(self) -> None:
        with self.machine.database.begin() as session:
            fence.take_down(session, self.clock.now(), by="Olga")
        self.model.is_fenced = False


@pytest.fixture
def stage(
    any_machine: Machine, tmp_path: Path, runner: Runner, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Stage]:
    """Two machines with journals of their own on one database, and a monotonic clock that a test moves."""
    one = any_machine
    elsewhere = one.settings.but({"data_dir": tmp_path / "other"})
    other = Machine(elsewhere, one.database, one.broker, one.clock, one.vault)
    found = Stage([one, other], runner, clock)
    for room in (dispatch, overdue, watching):
        monkeypatch.setattr(room, "monotonic", found.monotonic)
    yield found
    other.close()


@pytest.mark.timeout(300 + 3 * EXAMPLES)
def test_whatever_happens_in_any_order_the_ledger_shows_what_the_model_says(stage: Stage) -> None:
    class StoryOnStage(AnyStory):
        def __init__(self) -> None:
            super().__init__(stage)

    few = 15 if stage.machines[0].settings.database_url.startswith("postgresql") else 50
    run_state_machine_as_test(
        StoryOnStage,
        settings=settings(
            max_examples=EXAMPLES or few, stateful_step_count=25, derandomize=not EXAMPLES, print_blob=True,
            database=None, suppress_health_check=list(HealthCheck),
        ),
    )  # fmt: skip
