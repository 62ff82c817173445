"""Workers whose every step a test takes: claim, announce, send, hear the answer, record, or be killed in between.

They are made of the engine's own parts, in the order in which `engine.batches` uses them; only the wire is pretended.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from app.domain.outcomes import Outcome
from app.engine import batches, journal, ledger, turns
from app.engine.ledger import Lease
from app.engine.machine import Machine
from app.engine.plans import Plan, plans_of
from app.engine.turns import Turn
from app.engine.watch import LedgerWatch
from tests.engine import story

_DUE = """
SELECT address FROM deliveries WHERE message_pk = :pk AND wish_pk = :wish AND state = 'queued'
  AND next_attempt_at <= :now ORDER BY next_attempt_at, pk
"""
FOREVER = float("inf")


@dataclass
class Grip:
    """A batch in a worker's hands. `following` is the next position; `under_way` was sent, and nothing heard yet."""

    plan: Plan
    turn: Turn
    lease: Lease
    book: journal.Journal
    watch: LedgerWatch
    following: int = 0
    under_way: dict[int, Outcome] = field(default_factory=dict)

    @property
    def is_all_begun(self) -> bool:
        """Whether nobody is left to begin with."""
        return self.following >= len(self.lease.deliveries)


@dataclass
class Hand:
    """One worker of a machine; it holds one batch, or none."""

    machine: Machine
    monotonic: Callable[[], float]
    grip: Grip | None = None

    def claim(self, message_pk: int, lane: int, size: int) -> tuple[Grip | None, list[str]]:
        """Take some of a lane; with it, who was due there, first ones first. Nobody, when nobody would take them."""
        plans = [each for each in plans_of(self.machine, message_pk) if isinstance(each, Plan) and each.carriers]
        if not plans:
            return None, []
        plan, now = plans[lane % len(plans)], self.machine.clock.now()
        tier = [carrier.provider for carrier in plan.carriers.values()]
        with self.machine.database.read() as session:
            turn = turns.choose(session, plan.message, tier, size, now)
        if turn is None:
            return None, []
        due = self._due(message_pk, plan.route.wish_pk, now)
        moment = self.monotonic()
        with self.machine.database.begin() as session:
            holder = ledger.Holder(self.machine.name, self.machine.lease)
            lease = turns.claim(session, plan.message, plan.route.wish_pk, turn, holder, now)
        if lease is None:
            assert turn.is_probe or not due, "somebody is due, and nobody got them"
            return None, []
        book = journal.Journal(self.machine.journal_dir, lease)
        watch = LedgerWatch(self.machine, lease, book, FOREVER, moment)
        self.grip = Grip(plan, turn, lease, book, watch)
        return self.grip, due[: turn.size]

    def _due(self, message_pk: int, wish_pk: int, now: datetime) -> list[str]:
        moment = int(now.timestamp() * 1000)
        return [row[0] for row in story.rows(self.machine, _DUE, pk=message_pk, wish=wish_pk, now=moment)]

    def record(self, *, forgets: bool) -> int | None:
        """Write what became of the batch; how many were tried, None when it was lost. The journal may be left over."""
        grip = self.let_go()
        watch = grip.watch
        known = journal.Story(set(watch.begun), watch.outcomes, watch.begun, watch.ended)
        tried = batches.write(self.machine, grip.plan, grip.lease, known, grip.turn)
        if tried is not None and forgets:
            grip.book.forget()
        return tried

    def die(self, last_words: bytes = b"") -> Grip:
        """Be killed; `last_words` is the line of the journal that was cut off. What was in hand."""
        grip = self.let_go()
        if last_words and grip.book.path.exists():
            written = grip.book.path.read_bytes().rstrip(b"\0")
            with grip.book.path.open("r+b") as file:
                file.seek(len(written))
                file.write(last_words)
        return grip

    def let_go(self) -> Grip:
        """Hold nothing any more; what it was."""
        grip, self.grip = self.grip, None
        assert grip is not None
        grip.book.close()
        return grip
