"""Runs imports in the background: tries all rows out, or imports them, stretch by stretch, and goes on after a kill."""

import contextlib
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice
from typing import Any, TypeVar

import structlog
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError

from app.domain.import_mapping import Problem, Row, RowReader
from app.domain.permissions import system
from app.engine import setbacks
from app.infra.clock import monotonic
from app.infra.phone_numbers import read_phone
from app.infra.seen_keys import SeenKeys
from app.models.imports import Import
from app.services.people import topic_members
from app.services.people.import_files import (
    BROKEN_ROW,
    Reading,
    data_records,
    join_parts,
    part_key,
    rejected_rows,
    report_key,
    write_problems,
)
from app.services.people.import_plan import Plan, Planner, Topics, claims_of, load_topics
from app.services.people.import_writing import write_plan
from app.services.work import Work, Workshop
from app.storage import FileStore, open_store

STRETCH = 500  # rows in one transaction
SLICE = 120.0  # seconds one job may take before it rings for the next; RQ would break it off at 300
PROGRESS_STEP = 0.5  # seconds between two looks at how far a trial is
FIRST_PROBLEMS = 50
TRIES = 5  # at one stretch, when somebody else writes the same addresses at the same moment
STALE = timedelta(seconds=30)  # an import that did not move for so long has lost its worker
FILE_GONE = "The file is not there any more. Upload it again."

Item = TypeVar("Item")
VERDICTS = ("created", "updated", "unchanged", "rejected")
log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Job:
    """One import at work."""

    workshop: Workshop
    store: FileStore
    row: Import
    reading: Reading
    reader: RowReader

    def works(self, *, writing: bool) -> contextlib.AbstractContextManager[Work]:
        actor = system(self.row.project_pk)
        return self.workshop.open(actor) if writing else self.workshop.read(actor)

    def stretches(self) -> Iterator[list[Row]]:
        """All rows of the file, read and checked, STRETCH at a time."""
        return _stretches(map(self._read, data_records(self.store, self.row, self.reading)), STRETCH)

    def _read(self, record: tuple[int, list[str] | None]) -> Row:
        number, cells = record
        if cells is None:
            return Row(number, problems=[Problem(number, "", "", BROKEN_ROW)])
        return self.reader.read(number, cells)

    def plan(self, work: Work, topics: Topics, seen: SeenKeys, rows: list[Row]) -> Plan:
        earlier = seen.find(claim for row in rows if not row.problems for claim in claims_of(row))
        started_at = self.row.started_at
        planner = Planner(work, topics, earlier, existing=self.reading.existing, started_at=started_at)
        return planner.plan(rows)


def _stretches(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    iterator = iter(items)
    while stretch := list(islice(iterator, size)):
        yield stretch


def run(workshop: Workshop, import_pk: int) -> None:
    """Do what is due for this import: try it out, or import it from where it stopped. Safe to call twice at once."""
    job = _open_job(workshop, import_pk)
    if job is None:
        return
    try:
        if job.row.status == "checking":
            _try_out(job)
        else:
            _import(job)
    except FileNotFoundError:
        log.exception("The file of an import is gone", import_id=job.row.id)
        _fail(job, FILE_GONE)


def say_setback(workshop: Workshop, import_pk: int) -> Callable[[str, int], None]:
    """What says on the page of an import that our code fails at it: it goes on by itself when that is mended."""

    def say(place: str, _count: int) -> None:
        with workshop.database.begin() as session:
            session.execute(
                update(Import)
                .where(Import.pk == import_pk, Import.status.in_(["checking", "running"]))
                .values(failure=setbacks.sentence("go on with this import", place))
            )

    return say


def ring_stalled(workshop: Workshop) -> int:
    """Ring for every import that is due and has not moved lately; how many. For the ticker."""
    with workshop.database.read() as session:
        stale = workshop.clock.now() - STALE
        query = select(Import.pk).where(Import.status.in_(["checking", "running"]), Import.updated_at < stale)
        pks = list(session.scalars(query))
    for pk in pks:
        workshop.broker.ring("run_import", pk)
    return len(pks)


def _open_job(workshop: Workshop, import_pk: int) -> _Job | None:
    with workshop.database.read() as session:
        row = session.get(Import, import_pk)
        if row is None or row.status not in {"checking", "running"}:
            return None
        session.expunge(row)
    reading = Reading.of(row.settings)
    reader = RowReader(reading.columns, reading.separator, read_phone)
    return _Job(workshop, open_store(workshop.settings), row, reading, reader)


def _fail(job: _Job, sentence: str) -> None:
    with job.works(writing=True) as work:
        work.session.execute(
            update(Import)
            .where(Import.pk == job.row.pk, Import.status == job.row.status)
            .values(status="failed", failure=sentence, finished_at=work.now, updated_at=work.now)
        )


def _try_out(job: _Job) -> None:
    """Plan every row, write nothing but the outcome and the report of all problems."""
    totals: Counter[str] = Counter()
    first: list[Problem] = []
    done, looked = 0, monotonic()
    with SeenKeys() as seen, tempfile.TemporaryFile() as report:
        report.write(b"\xef\xbb\xbf" + write_problems([], with_header=True))
        for rows in job.stretches():
            with job.works(writing=False) as work:
                plan = job.plan(work, load_topics(work, job.reading.topics), seen, rows)
            seen.add(plan.claims)
            totals.update(plan.verdicts)
            first += plan.problems[: FIRST_PROBLEMS - len(first)]
            report.write(write_problems(plan.problems))
            done += len(rows)
            if monotonic() - looked > PROGRESS_STEP:
                looked = monotonic()
                if not _note_trial(job, {"cursor": done}):
                    return
        report.seek(0)
        job.store.put(report_key(job.row, "check"), report)
    outcome: dict[str, Any] = {f"{verdict}_total": totals[verdict] for verdict in VERDICTS}
    outcome |= {"rows_total": done, "cursor": 0, "status": "mapped", "report": {"problems": _as_json(first)}}
    _note_trial(job, outcome)


def _as_json(problems: list[Problem]) -> list[dict[str, Any]]:
    return [{"row": p.row, "column": p.column, "value": p.value, "sentence": p.sentence} for p in problems]


def _note_trial(job: _Job, values: dict[str, Any]) -> bool:
    """Save how the trial goes; false when the choices were changed meanwhile, so that this trial means nothing."""
    with job.works(writing=True) as work:
        row = work.session.get(Import, job.row.pk, with_for_update=True)
        if row is None or row.status != "checking" or row.settings.get("edition") != job.row.settings.get("edition"):
            return False
        for name, value in values.items():
            setattr(row, name, value)
        row.updated_at, row.failure = work.now, ""
    return True


def _import(job: _Job) -> None:
    """Import stretch by stretch; the cursor moves in the same transaction as the rows it counts."""
    until = monotonic() + SLICE
    done, cursor = 0, job.row.cursor
    rejected = rejected_rows(job.store, job.row) if cursor else set()
    with SeenKeys() as seen:
        for rows in job.stretches():
            skipped = min(len(rows), max(0, cursor - done))
            done += len(rows)
            if skipped:  # done before this worker began: only their claims are needed
                accepted = [row for row in rows[:skipped] if not row.problems and row.number not in rejected]
                seen.add({claim: number for row in accepted for claim, number in claims_of(row).items()})
            if skipped == len(rows):
                continue
            claims = _import_stretch(job, seen, rows[skipped:], cursor)
            if claims is None:
                return  # another worker has moved the cursor: it goes on, this one stops
            seen.add(claims)
            cursor = done
            if monotonic() > until:
                job.workshop.broker.answered("run_import", job.row.pk)
                job.workshop.broker.ring("run_import", job.row.pk)
                return
    join_parts(job.store, job.row)
    _finish(job, cursor)
    topic_members.keep(job.workshop, job.row.project_pk)


def _import_stretch(job: _Job, seen: SeenKeys, rows: list[Row], cursor: int) -> dict[str, int] | None:
    """Import these rows and move the cursor, or nothing of both; None when the cursor was moved by somebody else."""
    known = [len(row.problems) for row in rows]
    for attempt in range(TRIES):
        for row, count in zip(rows, known, strict=True):
            del row.problems[count:]  # what another plan found may not hold any more
        try:
            with job.works(writing=True) as work:
                if not _move_cursor(job, work, cursor, len(rows)):
                    return None
                plan = job.plan(work, load_topics(work, job.reading.topics), seen, rows)
                write_plan(work, plan)
                _count(job, work, plan)
                if plan.problems:
                    job.store.put(part_key(job.row, cursor), write_problems(plan.problems))
                return plan.claims
        except IntegrityError:
            log.warning("Somebody else wrote the same addresses; planning anew", import_id=job.row.id, attempt=attempt)
    raise RuntimeError(f"Import {job.row.id}: rows after {cursor} could not be written in {TRIES} tries.")


def _move_cursor(job: _Job, work: Work, cursor: int, count: int) -> bool:
    moved = work.session.execute(
        update(Import)
        .where(Import.pk == job.row.pk, Import.status == "running", Import.cursor == cursor)
        .values(cursor=cursor + count, updated_at=work.now, failure="")
    )
    return bool(moved.rowcount)  # type: ignore[attr-defined]


def _count(job: _Job, work: Work, plan: Plan) -> None:
    totals = Counter(plan.verdicts)
    values = {f"{name}_total": getattr(Import, f"{name}_total") + totals[name] for name in VERDICTS if totals[name]}
    work.session.execute(update(Import).where(Import.pk == job.row.pk).values(values))


def _finish(job: _Job, cursor: int) -> None:
    with job.works(writing=True) as work:
        row = work.session.get(Import, job.row.pk, with_for_update=True)
        if row is None or row.status != "running" or row.cursor != cursor:
            return
        row.status, row.finished_at, row.updated_at = "finished", work.now, work.now
        row.rows_total = cursor
        work.audit(
            "import.finish", f"import/{row.id}", created=row.created_total, updated=row.updated_total,
            unchanged=row.unchanged_total, rejected=row.rejected_total,
        )  # fmt: skip
