"""Everybody in a draft's audience is rendered in the background: what asks for it, and what people read of it.

The row is the truth and its bell may be lost: a ticker rings for whatever is due. `lint_run` does the work.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, or_, select, update

from app.domain.lint_findings import Finding, Findings
from app.domain.message_states import MessageStatus
from app.domain.permissions import system
from app.engine.ledger import insert_into
from app.engine.setbacks import Say
from app.infra.asked_once import once
from app.models.lints import Lint
from app.models.messages import Message
from app.services.messages import messages
from app.services.work import Work, Workshop

GAP = timedelta(seconds=3)  # between two beginnings for one message: a draft saves itself every second
STALE = timedelta(seconds=15)  # without a sign for so long: nobody is at it
GIVEN_UP = timedelta(minutes=2)  # then a page does not look again by itself: no worker may run
FRESH_FOR = timedelta(minutes=15)  # after that people may have changed: who opens the draft has them looked at again
MOST_RUNG = 100
KEPT_FOR = timedelta(days=7)  # most messages are sent by then; who opens a draft later has it looked at again
UNDER_WAY = ("waiting", "running")
ENDED = ("done", "refused", "failed")


@dataclass(frozen=True, slots=True)
class Report:
    """What is known of rendering a message for everybody.

    `state` is waiting, running, done, refused (it cannot be rendered; the checks say why) or failed. `checked` of
    `total` people were looked at. `segments` counts, by country (ISO 3166, "" for none), how many people get how many
    segments of a text message. `filled` are the variables that somebody has. While `is_live` it will be different soon.
    """

    state: str
    checked: int
    total: int
    findings: tuple[Finding, ...]
    segments: Mapping[str, Mapping[int, int]]
    worst: Mapping[str, tuple[int, str]]
    seen_at: datetime
    is_live: bool
    filled: frozenset[str] = frozenset()

    @property
    def is_whole(self) -> bool:
        """Whether everybody was looked at."""
        return self.state == "done"

    @property
    def is_refused(self) -> bool:
        """Whether nobody's copy can be made."""
        return self.state == "refused"

    @property
    def has_failed(self) -> bool:
        """Whether our own code failed at it."""
        return self.state == "failed"

    @property
    def has_begun(self) -> bool:
        """Whether somebody is or was at it."""
        return self.state != "waiting"


def want(work: Work, message: Message) -> None:
    """Have everybody looked at anew, soon: the newest version counts. Nothing for an audience of nobody."""
    if order(work, message):
        work.ring("lint_audience", message.pk)


def order(work: Work, message: Message) -> bool:
    """Write down that everybody is to be looked at; whether at once. The caller holds the message, or may fail."""
    if not any(message.audience.values()):
        work.session.execute(delete(Lint).where(Lint.message_pk == message.pk))
        return False
    row = work.session.get(Lint, message.pk, with_for_update=True)
    begun_at = row.begun_at if row is not None else None
    due_at = work.now if begun_at is None else max(work.now, begun_at + GAP)
    values = {"version": message.version, "state": "waiting", "due_at": due_at, "seen_at": work.now}
    if row is None:
        fresh = {"message_pk": message.pk, "project_pk": message.project_pk, "total": 0, "checked": 0, "cursor": 0}
        added = insert_into(work.session, Lint).values(**fresh, **values, findings={})
        work.session.execute(added.on_conflict_do_nothing(index_elements=["message_pk"]))
    else:
        for name, value in values.items():
            setattr(row, name, value)
    return due_at <= work.now


def again(work: Work, message_id: str) -> None:
    """Have everybody looked at anew because a person asks: people may have changed. Conflict for what is no draft."""
    work.require("messages.write")
    message = messages.lock(work, message_id)
    messages.require_draft(message)
    want(work, message)


def is_wanted(work: Work, message: Message) -> bool:
    """Whether nobody looks at this draft as it is, and somebody should: it was never asked for, or long ago."""
    if message.status != MessageStatus.DRAFT or not any(message.audience.values()):
        return False
    row = once(work.session, ("lint", message.pk), lambda: work.session.get(Lint, message.pk))
    if row is None or row.version != message.version:
        return True
    return row.state not in UNDER_WAY and work.now - row.seen_at > FRESH_FOR


def ring_if_wanted(shop: Workshop, work: Work, message: Message) -> None:
    """Ring for what was never looked at, or long ago: for who only reads; the job writes the order itself."""
    if is_wanted(work, message):
        shop.broker.ring("lint_audience", message.pk)


def report_of(work: Work, message: Message) -> Report | None:
    """What is known by now; None for what is no draft any more, and for an audience of nobody.

    What was found long ago stands until it is looked at again, which whoever looks at the report asks for.
    """
    work.require("messages.read")
    if message.status != MessageStatus.DRAFT or not any(message.audience.values()):
        return None
    row = once(work.session, ("lint", message.pk), lambda: work.session.get(Lint, message.pk))
    if row is None:
        return Report("waiting", 0, 0, (), {}, {}, work.now, is_live=True)
    findings, begins_anew = Findings(row.findings), is_wanted(work, message)
    return Report(
        "waiting" if begins_anew else row.state, row.checked, row.total, tuple(findings), findings.segments,
        findings.worst, row.seen_at,
        is_live=begins_anew or (row.state in UNDER_WAY and work.now - row.seen_at < GIVEN_UP),
        filled=findings.filled,
    )  # fmt: skip


def whole_report_of(work: Work, message: Message) -> Report | None:
    """What came of it once everybody was looked at, in this version and lately; None until then."""
    report = report_of(work, message)
    return report if report is not None and report.is_whole else None


def ring_due(shop: Workshop) -> None:
    """Ring for every look that is due and that nobody is at; what was found long ago is forgotten."""
    with shop.read(system()) as work:
        due = select(Lint.message_pk).where(
            Lint.state.in_(UNDER_WAY), Lint.due_at <= work.now,
            or_(Lint.state == "waiting", Lint.seen_at < work.now - STALE),
        )  # fmt: skip
        wanted = work.session.scalars(due.order_by(Lint.due_at).limit(MOST_RUNG)).all()
        old = select(Lint.message_pk).where(Lint.state.in_(ENDED), Lint.due_at < work.now - KEPT_FOR)
        forgotten = work.session.scalars(old.limit(MOST_RUNG)).all()
    shop.broker.ring_many([("lint_audience", (pk,)) for pk in wanted])
    if forgotten:
        with shop.open(system()) as work:
            work.session.execute(delete(Lint).where(Lint.message_pk.in_(forgotten), Lint.state.in_(ENDED)))


def say_setback(shop: Workshop, message_pk: int) -> Say:
    """What says that our own code fails at this message; it is left alone until somebody saves or asks again."""

    def say(_place: str, _count: int) -> None:
        with shop.open(system()) as work:
            mine = update(Lint).where(Lint.message_pk == message_pk, Lint.state.in_(UNDER_WAY))
            work.session.execute(mine.values(state="failed", seen_at=work.now))

    return say
