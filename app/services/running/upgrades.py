"""Upgrades of the database: what was there is backed up before its shape is changed."""

from datetime import datetime
from pathlib import Path

from app.infra.archive import ArchiveError
from app.infra.settings import Settings
from app.migrations import is_current, newest, upgrade
from app.services.running.backups import make_backup, revision_of_existing

KEPT = 3  # backups of before an upgrade; older ones are deleted


class UpgradeError(Exception):
    """The database keeps the shape that it had; the sentence says why and what to do."""


def bring_up(settings: Settings, now: datetime) -> Path | None:
    """Bring the database to the newest shape; where its rows were backed up before, None when nothing was there.

    The backup holds the database alone, for an upgrade touches no file. Raises UpgradeError when it cannot be made, or
    a migration fails: all of them are one transaction, so the database is as it was.
    """
    if revision_of_existing(settings) is None:
        upgrade(settings.sqlalchemy_url)
        return None
    if is_current(settings.sqlalchemy_url):
        return None
    kept = _back_up(settings, now)
    try:
        upgrade(settings.sqlalchemy_url)
    except Exception as error:
        said = (str(getattr(error, "orig", None) or error).strip().splitlines() or [type(error).__name__])[0]
        raise UpgradeError(
            f"The database could not be upgraded to {newest()}: {said}. It is as it was, and its backup is {kept}. "
            "Go on with the Carillon that you had, and report this."
        ) from error
    return kept


def _back_up(settings: Settings, now: datetime) -> Path:
    folder = settings.data_dir / "backups"
    revision = revision_of_existing(settings)
    path = folder / f"{now:%Y%m%dT%H%M%S}-before-{newest()}-from-{revision}.tar.zst"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        make_backup(settings, path, now, with_files=False, force=True)
    except (ArchiveError, OSError) as error:
        raise UpgradeError(
            f"The database was not upgraded, because it could not be backed up before: {error} "
            f"Mend that, or make room in {folder}."
        ) from error
    for old in sorted(folder.glob("*-before-*.tar.zst"))[:-KEPT]:
        old.unlink(missing_ok=True)
    return path
