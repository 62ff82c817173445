"""What must become of each person, said again in the plainest words: the model that the engine is held against.

Nothing here asks the engine. The model knows what really happened (what the wire took, which lines a journal holds) and
says what the ledger has to show for it.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

from app.domain.outcomes import Outcome, OutcomeKind, Reason

PATIENCE = timedelta(hours=24)
GRACE = timedelta(seconds=15)  # in which only the machine that holds a journal takes its batches over
UNTRIED = OutcomeKind.CONFIG_PERMANENT  # whose fault that is, nobody was written to
ENDS = frozenset({OutcomeKind.RECIPIENT_PERMANENT, OutcomeKind.RECIPIENT_OPTED_OUT, OutcomeKind.MESSAGE_PERMANENT})
LATER = frozenset({OutcomeKind.TRANSIENT, OutcomeKind.THROTTLED})
RANK = {"queued": 0, "uncertain": 0, "sent": 1, "failed": 2, "delivered": 3, "bounced": 4}
TOLD = {"sent": "sent", "opened": "sent", "failed": "failed", "delivered": "delivered", "bounced": "bounced"}

RECENT = timedelta(hours=1)
SILENT = Outcome(OutcomeKind.TRANSIENT, Reason.WORKER_LOST)  # of a worker that died before it began anything


class Row(NamedTuple):
    """What the ledger shows of one delivery; `tries` and `doubts` are its attempts, and those of unknown end."""

    state: str
    batch_pk: int | None
    attempts: int
    was_uncertain: bool
    tries: int
    doubts: int


@dataclass
class Person:
    """One delivery. `copies` are those that the wire took; `asked` is how many of them a person knew of who asked."""

    state: str
    batch_pk: int | None = None
    attempts: int = 0
    tries: int = 0
    doubts: int = 0
    copies: int = 0
    since: datetime | None = None  # when its patience began
    asked: int = 0
    doubts_then: int = 0
    unfit: set[int] = field(default_factory=set)  # which providers said that they cannot carry it
    is_bound: bool = False  # to the one that may have sent it already

    def row(self) -> Row:
        """What the ledger must show."""
        return Row(self.state, self.batch_pk, self.attempts, self.doubts > 0, self.tries, self.doubts)

    def claim(self, batch_pk: int, carrier: int, now: datetime) -> None:
        """A worker took it for that provider."""
        assert self.state == "queued", f"a worker got somebody who is {self.state}"
        assert carrier not in self.unfit, "a provider got what it cannot carry"
        self.state, self.batch_pk = "sending", batch_pk
        self.attempts += 1
        self.since = self.since or now

    def end(self, outcome: Outcome | None, now: datetime, *, carrier: int, holds: bool) -> None:
        """That came of it at that provider; nothing (None) when it was never started."""
        assert self.state == "sending"
        self.batch_pk = None
        if outcome is None or outcome.kind is UNTRIED:
            self.state, self.attempts = "queued", self.attempts - 1
            return
        self.tries += 1
        self.attempts -= outcome.kind is OutcomeKind.THROTTLED
        self.doubts += outcome.kind is OutcomeKind.UNCERTAIN
        assert self.since is not None
        is_worn = now - self.since >= PATIENCE
        if outcome.kind is OutcomeKind.ACCEPTED:
            self.state = "sent"
        elif outcome.reason is Reason.TOO_LARGE and not (is_worn or self.is_bound or self.unfit - {carrier}):
            self.state = "queued"  # the other one may be able to carry it
            self.unfit.add(carrier)
        elif outcome.kind in ENDS or (outcome.kind in LATER and is_worn):
            self.state = "failed"
        elif outcome.kind is OutcomeKind.UNCERTAIN and (holds or is_worn):
            self.state = "uncertain"
        else:
            self.state = "queued"
            self.is_bound = self.is_bound or outcome.kind is OutcomeKind.UNCERTAIN

    def hear(self, event: str) -> None:
        """The service told that of a copy which it has; the strongest word wins, and no word brings anybody back."""
        if event not in TOLD or self.state not in RANK or (self.state == "queued" and not self.doubts):
            return
        if RANK[TOLD[event]] > RANK[self.state]:
            self.state = TOLD[event]

    def ask_again(self) -> None:
        """A person wants another try, and answers for copies that went out before."""
        self.state, self.since, self.is_bound = "queued", None, False
        self.unfit.clear()
        self.asked, self.doubts_then = self.copies, self.doubts

    def check(self) -> None:
        """Nobody gets a second copy without a doubt on record, and nobody counts as reached who got none."""
        unexcused = self.copies - self.asked
        assert unexcused <= 1 + self.doubts - self.doubts_then, f"{unexcused} copies, {self.doubts} doubts: {self}"
        assert self.copies or self.state not in {"sent", "delivered", "bounced"}, f"never sent: {self}"


@dataclass
class Held:
    """A batch that somebody holds: whom, by position, and which lines its journal has."""

    batch_pk: int
    people: list[str]
    place: str
    holds: bool
    claimed_at: datetime
    carrier: int  # which of the two providers
    started: set[int] = field(default_factory=set)
    answered: dict[int, Outcome] = field(default_factory=dict)

    def is_lost_to(self, place: str, until: datetime, now: datetime) -> bool:
        """Whether whoever looks from that machine, by the clock, takes it over."""
        return until < now and (place == self.place or now - until > GRACE)


@dataclass
class Reckoning:
    """One message: its people by address, the batches that are held, and what stands in the way."""

    audience: list[str]  # in the order in which they are planned
    people: dict[str, Person] = field(default_factory=dict)
    held: dict[int, Held] = field(default_factory=dict)
    lost: list[datetime] = field(default_factory=list)  # when batches were claimed that were taken over
    gone: set[str] = field(default_factory=set)  # targets that expired before they were planned
    planned: int = 0  # of the audience
    is_planned: bool = False
    is_paused: bool = False
    is_cancelled: bool = False
    is_stopped: bool = False
    is_fenced: bool = False
    is_settled: bool = False

    @property
    def may_send(self) -> bool:
        """Whether anything may be claimed."""
        return not (self.is_settled or self.is_paused or self.is_cancelled or self.is_stopped or self.is_fenced)

    def plan(self, size: int, suppressed: Iterable[str]) -> None:
        """The next page of the audience becomes deliveries; an empty one is the end."""
        if self.is_planned:
            return
        page = self.audience[self.planned : self.planned + size]
        for address in page:
            self.people[address] = Person("skipped" if address in {*suppressed, *self.gone} else "queued")
        self.planned += len(page)
        self.is_planned = not page

    def claim(self, held: Held, left_out: Iterable[str], now: datetime) -> None:
        """A worker took these; `left_out` were suppressed meanwhile."""
        for address in left_out:
            assert self.people[address].state == "queued"
            self.people[address].state = "skipped"
        for address in held.people:
            self.people[address].claim(held.batch_pk, held.carrier, now)
        self.held[held.batch_pk] = held

    def record(self, held: Held, answers: dict[int, Outcome], started: set[int], lost: Outcome, now: datetime) -> None:
        """A batch ended with these answers; whoever was started and not answered is `lost`."""
        del self.held[held.batch_pk]
        for position, address in enumerate(held.people):
            outcome = answers.get(position, lost if position in started else None)
            self.people[address].end(outcome, now, carrier=held.carrier, holds=held.holds)

    def reap(self, held: Held, place: str, lost: Outcome, now: datetime) -> None:
        """Somebody took a batch over: what its journal says counts; out of reach, it may say anything."""
        everybody = range(len(held.people))
        if held.place != place:
            self.record(held, {}, set(everybody), lost, now)
        elif held.started or held.answered or not any(each >= held.claimed_at - RECENT for each in self.lost):
            self.record(held, held.answered, held.started, lost, now)
        else:  # another worker died of this message a moment ago: whoever was in hand has had a try
            self.record(held, dict.fromkeys(everybody, SILENT), set(), lost, now)
        self.lost.append(held.claimed_at)

    def disown(self) -> None:
        """The database was restored: what is held counts as held elsewhere, and waits for a person."""
        for held in self.held.values():
            held.place, held.holds = "elsewhere", True

    def skip_rest(self) -> None:
        """Of a cancelled message nobody is left in the queue."""
        for person in self.people.values():
            if person.state == "queued":
                person.state = "skipped"

    def ask_again(self, state: str) -> int:
        """A person wants another try for all in that state; how many."""
        chosen = [person for person in self.people.values() if person.state == state]
        for person in chosen:
            person.ask_again()
        if chosen:
            self.is_settled = False
        return len(chosen)

    @property
    def is_over(self) -> bool:
        """Whether nobody is left to send to."""
        return self.is_planned and not any(each.state in {"queued", "sending"} for each in self.people.values())
