"""Looks at everybody in a draft's audience, a page after the other; a job of its own that others may overtake."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, select, update

from app.domain.errors import Invalid
from app.domain.lint_findings import Findings
from app.domain.message_states import MessageStatus
from app.domain.permissions import Actor, system
from app.engine import lifecycle
from app.infra.broker import has_waiting
from app.infra.clock import monotonic
from app.models.lints import Lint
from app.models.messages import Message
from app.services.messages import audience
from app.services.people import topic_members
from app.services.previews.lint import UNDER_WAY, order
from app.services.previews.lint import is_wanted as is_wanted_by
from app.services.previews.lint_reading import PAGE, Look, Reading, Somebody, next_people, raw_people
from app.services.work import Work, Workshop

SLICE = 2.0  # seconds after which other jobs get their turn; sooner, behind each page, when one waits
PROGRESS_STEP = 0.4  # seconds between two signs of how far it is


@dataclass(slots=True)
class _Task:
    """One look at one version of a message. `cursor` is what the database has, `reached` how far this worker is."""

    message: Message
    actor: Actor
    cursor: int
    reached: int
    checked: int
    findings: Findings


def run(shop: Workshop, message_pk: int) -> None:
    """Go on with a message; ends by itself when its draft was changed, sent or deleted, and rings for what is left."""
    task = _begin(shop, message_pk)
    if task is None:
        return
    try:
        with shop.read(task.actor) as work:
            reading = Reading(work, task.message)
    except Invalid:
        _save(shop, task, "refused")
        return
    until, told = monotonic() + SLICE, monotonic()
    while _look_at_page(shop, task, reading):
        if has_waiting(shop.broker) or monotonic() > until:
            if _save(shop, task, "running"):
                shop.broker.ring("lint_audience", message_pk)
            return
        if monotonic() - told > PROGRESS_STEP:
            told = monotonic()
            if not _save(shop, task, "running"):
                return


def _begin(shop: Workshop, message_pk: int) -> _Task | None:
    """Take the message in hand, from its beginning or where somebody stopped; None when there is nothing to do."""
    with shop.read(system()) as work:
        lint, message = work.session.get(Lint, message_pk), work.session.get(Message, message_pk)
        is_wanted, now = message is not None and is_wanted_by(work, message), work.now
    if message is None:
        return None
    actor = system(message.project_pk)
    if message.status != MessageStatus.DRAFT or is_wanted:
        with shop.open(actor) as work:
            lint = _straighten(work, message_pk)
    if lint is None or lint.state not in UNDER_WAY or lint.due_at > now:
        return None
    is_new = lint.state == "waiting" or lint.version != message.version
    values: dict[str, Any] = {"seen_at": now, "state": "running", "version": message.version}
    if is_new:
        topic_members.keep(shop, message.project_pk, message.audience.get("topics", ()))
        with shop.read(actor) as work:
            total = audience.equation(work, message.channel, message.audience).total
        values |= {"begun_at": now, "total": total, "checked": 0, "cursor": 0, "findings": {}}
    if not _take(shop, actor, lint, values):
        return None
    if is_new:
        return _Task(message, actor, 0, 0, 0, Findings())
    return _Task(message, actor, lint.cursor, lint.cursor, lint.checked, Findings(lint.findings))


def _straighten(work: Work, message_pk: int) -> Lint | None:
    """The row as the message stands now: an order for a draft that nobody asked for, nothing for what is none."""
    message = lifecycle.lock(work.session, message_pk)
    if message is None or message.status != MessageStatus.DRAFT:
        work.session.execute(delete(Lint).where(Lint.message_pk == message_pk))
        return None
    order(work, message)
    work.session.flush()
    return work.session.get(Lint, message_pk)


def _take(shop: Workshop, actor: Actor, lint: Lint, values: dict[str, Any]) -> bool:
    """Write these, unless another worker or another save was quicker."""
    mine = update(Lint).where(
        Lint.message_pk == lint.message_pk, Lint.state == lint.state, Lint.version == lint.version,
        Lint.cursor == lint.cursor, Lint.due_at == lint.due_at,
    )  # fmt: skip
    with shop.open(actor) as work:
        return bool(work.session.execute(mine.values(**values)).rowcount)  # type: ignore[attr-defined]


def _is_current(work: Work, message: Message) -> bool:
    now = work.session.execute(select(Message.version, Message.status).where(Message.pk == message.pk)).first()
    return now is not None and (now.version, now.status) == (message.version, MessageStatus.DRAFT.value)


def _look_at_page(shop: Workshop, task: _Task, reading: Reading) -> bool:
    """The next people, and behind them those that belong to no contact; whether it goes on."""
    with shop.read(task.actor) as work:
        if not _is_current(work, task.message):
            return False
        people, last = next_people(work, task.message, reading.names, task.reached, PAGE)
        if last is None:
            people = list(raw_people(work, task.message))
    for somebody in people:
        _note(task, somebody, reading.look(somebody))
    if last is None:
        _save(shop, task, "done")
        return False
    task.reached = last
    return True


def _note(task: _Task, somebody: Somebody, look: Look) -> None:
    refusal = None
    if look.refusal is not None:
        refusal = look.refusal.reason.value, f"{look.provider_name}: {look.refusal.detail}"
    task.findings.add(somebody.id, look.verdict, look.country, refusal)
    task.checked += 1


def _save(shop: Workshop, task: _Task, state: str) -> bool:
    """Write down how far it is; false when somebody else took it over, or the draft was saved meanwhile."""
    mine = update(Lint).where(
        Lint.message_pk == task.message.pk, Lint.version == task.message.version, Lint.state == "running",
        Lint.cursor == task.cursor,
    )  # fmt: skip
    with shop.open(task.actor) as work:
        saved = work.session.execute(
            mine.values(
                state=state,
                seen_at=work.now,
                cursor=task.reached,
                checked=task.checked,
                findings=task.findings.to_json(),
            )
        )
    task.cursor = task.reached
    return bool(saved.rowcount)  # type: ignore[attr-defined]
