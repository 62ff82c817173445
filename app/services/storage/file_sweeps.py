"""Sweeps of the file store: folders whose rows are gone, and uploads that nobody goes on with. Safe to run twice."""

from datetime import timedelta

import structlog
from sqlalchemy import delete, select

from app.domain.permissions import system
from app.models.files import File, Leftover
from app.services.storage.files import drop
from app.services.work import Workshop
from app.storage import StoreError, open_store

PATIENCE = timedelta(hours=24)  # for an upload without a sign of life
AT_ONCE = 100  # rows of one transaction

log = structlog.get_logger(__name__)


def sweep(shop: Workshop) -> int:
    """Empty every folder that deletions left behind, then forget it; how many. For a job.

    One that cannot be emptied now, because the store is away, is tried again at the next sweep.
    """
    with shop.database.read() as session:
        left = [(row.pk, row.folder) for row in session.scalars(select(Leftover).order_by(Leftover.pk).limit(AT_ONCE))]
    store, done = open_store(shop.settings), []
    for pk, folder in left:
        try:
            store.delete_folder(folder)
        except StoreError as error:
            log.warning("A folder of the file store cannot be emptied yet", folder=folder, error=str(error))
            break
        done.append(pk)
    if done:
        with shop.database.begin() as session:
            session.execute(delete(Leftover).where(Leftover.pk.in_(done)))
    if len(left) == len(done) == AT_ONCE:
        shop.broker.ring("sweep_files")
    return len(done)


def drop_stale(shop: Workshop) -> int:
    """Delete pending uploads of which nothing was heard for a day, at most 100; how many. For the ticker."""
    limit = shop.clock.now() - PATIENCE
    stale = select(File.project_pk, File.pk).where(File.store_key == "", File.updated_at < limit).limit(AT_ONCE)
    with shop.database.read() as session:
        found = session.execute(stale).all()
    total = 0
    for project_pk, pk in found:
        with shop.open(system(project_pk)) as work:
            row = work.session.scalar(select(File).where(File.pk == pk).with_for_update())
            if row is not None and not row.store_key and row.updated_at < limit:
                drop(work, row)
                work.audit("file.delete", f"file/{row.id}", name=row.name, why="nobody went on with its upload")
                total += 1
    return total


def ring_due(shop: Workshop) -> None:
    """Drop what is stale, and ring for folders that are still to be emptied. For the ticker, which must stay quick."""
    drop_stale(shop)
    with shop.database.read() as session:
        is_due = session.scalar(select(Leftover.pk).limit(1)) is not None
    if is_due:
        shop.broker.ring("sweep_files")
