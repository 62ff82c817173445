"""What log lines of the engine are about, in the ids that pages and the API show; and the line of each batch."""

from collections import Counter
from collections.abc import Sequence

import structlog
from sqlalchemy import bindparam, select
from sqlalchemy.exc import SQLAlchemyError

from app.domain.delivery_states import DeliveryState
from app.domain.outcomes import OutcomeKind
from app.engine.ledger import Lease, Result
from app.engine.machine import Machine
from app.infra import logs
from app.infra.prepared import Prepared
from app.models.messages import Message
from app.models.projects import Project

MOST_NAMED = 20  # deliveries of each sort that the line of a batch names

# Asked at the beginning of each job, of which many send one message to one person.
_IDS = Prepared(
    select(Message.id.label("message"), Project.id.label("project"))
    .join(Project, Project.pk == Message.project_pk)
    .where(Message.pk == bindparam("message_pk"))
)
log = structlog.get_logger(logs.BATCHES)


def begin_job(machine: Machine, task: str, message_pk: int | None = None) -> None:
    """Every line from now on says which job this is, and of which message and project.

    A database that does not answer is no reason to stop here: the job will find out itself.
    """
    logs.begin_context(job=task)
    if message_pk is None:
        return
    try:
        with machine.database.look() as statements:
            ids = statements.row(_IDS, message_pk=message_pk)
    except SQLAlchemyError:
        return
    if ids is not None:
        logs.add_context(message=ids.message, project=ids.project)


def begin_batch(batch_pk: int, provider_id: str) -> None:
    """Every line says the batch and its provider, until `end_batch`."""
    logs.add_context(batch=batch_pk, provider=provider_id)


def end_batch() -> None:
    """The batch is over."""
    logs.drop_context("batch", "provider")


def recorded(lease: Lease, results: Sequence[Result]) -> None:
    """Tell what a batch came to: how many of each outcome, and some of the deliveries that failed or are uncertain."""
    if not results or not logs.are_told(logs.BATCHES):  # all that was claimed may have been suppressed meanwhile
        return
    outcomes = Counter(result.outcome.kind.value for result in results if result.outcome is not None)
    failed = [result.delivery.pk for result in results if result.state is DeliveryState.FAILED]
    uncertain = [
        result.delivery.pk
        for result in results
        if result.outcome is not None and result.outcome.kind is OutcomeKind.UNCERTAIN
    ]
    named = {"failed": failed[:MOST_NAMED], "uncertain": uncertain[:MOST_NAMED]}
    log.info(
        "A batch is recorded", batch=lease.batch_pk, size=len(results), first_delivery=lease.deliveries[0].pk,
        last_delivery=lease.deliveries[-1].pk, outcomes=dict(outcomes),
        **{f"deliveries_{word}": numbers for word, numbers in named.items() if numbers},
    )  # fmt: skip
