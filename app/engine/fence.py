"""The fence: a database that was restored, copied or rolled back sends nothing before a person has confirmed it.

Whatever may send looks here before it begins, and the ticker goes on looking. `engine.gate` asks the row.
"""

from dataclasses import dataclass, field
from datetime import datetime
from secrets import token_bytes, token_urlsafe

import structlog
from sqlalchemy import update
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from app.domain.fences import FenceReason, Sighting, reason_to_fence
from app.domain.ids import unique
from app.engine import ledger
from app.engine.machine import Machine
from app.infra.clock import monotonic
from app.infra.places import place_of_database
from app.infra.processes import StopSign
from app.infra.witness import Witness
from app.models.base import to_milliseconds
from app.models.installation import ONLY, Installation

BEAT_EVERY = 60.0  # seconds; a rollback by less than that is not noticed
PATIENCE = 1.0  # seconds between two looks at a database that is away

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Watchman:
    """Looks whether the database is the one that it was, for one process."""

    machine: Machine
    witness: Witness = field(init=False)
    _noted: Sighting | None = None
    _beat_from: float = 0.0  # monotonic: not to beat before

    def __post_init__(self) -> None:
        self.witness = Witness(self.machine.settings.data_dir, self.machine.broker)

    def check_in(self, stop: StopSign | None = None) -> None:
        """Look once, before anything is sent; a database that is away is waited for until the sign to stop is up."""
        while stop is None or not stop.is_up:
            try:
                self.look()
                return
            except OperationalError as error:
                log.warning("The database is away; nothing begins before it answers", error=str(error).splitlines()[0])
            if stop is None:
                self.machine.clock.sleep(PATIENCE)
            else:
                stop.wait(PATIENCE)

    def keep(self) -> None:
        """Look, and let the installation's beat go on when it is time. For the ticker, once a second."""
        if self.look() is None and monotonic() >= self._beat_from:
            with self.machine.database.begin() as session:
                beat(session)
            self._beat_from = monotonic() + BEAT_EVERY
            self.look()

    def look(self) -> FenceReason | None:
        """Why nothing may be sent, by what the row says or by what is found now; None when all is as it was.

        What is found is written down, so that it holds for every process. The first one ever makes the row.
        """
        with self.machine.database.read() as session:
            row = session.get(Installation, ONLY)
            place = place_of_database(session.connection())
        if row is None:
            return self._found()
        if row.fenced_at is not None:
            return FenceReason(row.fence_reason)
        own = sighting_of(row)
        if own == self._noted and row.place == place:
            return None
        seen = self.witness.recall(row.id)
        with self.machine.database.read() as session:  # anew: another process may have gone on, and said so, meanwhile
            own = sighting_of(session.get_one(Installation, ONLY))
        reason = reason_to_fence(own, place_then=row.place, place_now=place, seen=seen)
        if reason is None:
            self.witness.note(own)
            self._noted = own
            return None
        with self.machine.database.begin() as session:
            raise_fence(session, reason, self.machine.clock.now())
        log.error("Nothing is sent before somebody confirms: this database is not the one it was", reason=reason.value)
        return reason

    def _found(self) -> FenceReason | None:
        with self.machine.database.begin() as session:
            found(session, self.machine.clock.now())
        return self.look()


def found(session: Session, now: datetime) -> Installation:
    """The installation's row, made when there is none yet."""
    moment = to_milliseconds(now)
    values = {
        "pk": ONLY, "id": unique(moment, token_bytes(5)), "place": place_of_database(session.connection()),
        "epoch": moment, "beat": 0, "nonce": _nonce(), "fence_reason": "", "confirmed_by": "",
    }  # fmt: skip
    session.execute(ledger.insert_into(session, Installation).values(**values).on_conflict_do_nothing())
    return session.get_one(Installation, ONLY)


def beat(session: Session) -> None:
    """Let the installation be one step further, so that what was copied before can be told from it."""
    session.execute(
        update(Installation)
        .where(Installation.pk == ONLY, Installation.fenced_at.is_(None))
        .values(beat=Installation.beat + 1, nonce=_nonce())
    )


def raise_fence(session: Session, reason: FenceReason, now: datetime, *, backup_at: datetime | None = None) -> None:
    """Let nothing be sent from now on. What was being sent when the state was kept has no journal here: it is lost."""
    raised = session.execute(
        update(Installation)
        .where(Installation.pk == ONLY, Installation.fenced_at.is_(None))
        .values(fenced_at=now, fence_reason=reason.value, backup_at=backup_at)
    )
    if raised.rowcount:  # type: ignore[attr-defined]
        ledger.disown_batches(session, now)


def take_down(session: Session, now: datetime, *, by: str) -> None:
    """This database is the installation from now on; whatever was seen of it before does not count any more."""
    session.execute(
        update(Installation)
        .where(Installation.pk == ONLY)
        .values(
            place=place_of_database(session.connection()), epoch=to_milliseconds(now), beat=0, nonce=_nonce(),
            fenced_at=None, fence_reason="", backup_at=None, confirmed_at=now, confirmed_by=by,
        )
    )  # fmt: skip


def sighting_of(row: Installation) -> Sighting:
    """The state of the database that its row tells."""
    return Sighting(row.id, row.epoch, row.beat, row.nonce)


def _nonce() -> str:
    return token_urlsafe(12)
