"""`carillon db …`: the shape of the database, backups, and the fence of a restored installation."""

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from app.infra.settings import Settings

# Imports stand inside the commands on purpose: `carillon --help` must not wait for SQLAlchemy.
# ruff: noqa: PLC0415

_data_dir = click.option(
    "--data-dir", type=click.Path(path_type=Path, file_okay=False), metavar="D",
    help="Folder of all that is kept (CARILLON_DATA_DIR; default: var).",
)  # fmt: skip
_file = click.argument("file", type=click.Path(path_type=Path), metavar="FILE")


@click.group()
def db() -> None:
    """The database: upgrade, back up, restore."""


@db.command("upgrade")
@_data_dir
def upgrade_database(data_dir: Path | None) -> None:
    """Bring the database to the newest shape; what was there is backed up into the data dir before."""
    settings = _settings(data_dir)
    say_upgrade(settings)
    click.echo("The database has the newest shape.")


@db.command("backup")
@_file
@click.option("--with-key", is_flag=True, help="Put the secret key in too: then the file is as secret as the data dir.")
@click.option("--force", is_flag=True, help="Replace a file of that name.")
@_data_dir
def back_up(file: Path, with_key: bool, force: bool, data_dir: Path | None) -> None:
    """Write database and files, as they are now, into one FILE (tar in Zstandard, mode 0600). Carillon may run.

    Without the secret key the passwords of providers in it cannot be opened; keep secret.key elsewhere.
    """
    settings = _settings(data_dir)
    from app.services.running.backups import make_backup

    made = make_backup(settings, file, _now(), with_key=with_key, force=force)
    click.echo(f"Wrote {made.path}: {_size(made.size)}, the database and {_count(made.files, 'file')}.")
    for key in made.vanished[:10]:
        click.echo(f"Not in it, because it vanished from the file store: {key}")
    if len(made.vanished) > 10:
        click.echo(f"… and {len(made.vanished) - 10:,} more.")
    if settings.secret_keys:
        click.echo("Keep CARILLON_SECRET_KEYS elsewhere: without them the passwords of providers cannot be opened.")
    elif not with_key:
        click.echo(f"Keep {settings.key_file} elsewhere: without it the passwords of providers cannot be opened.")


@db.command("verify")
@_file
def verify_backup(file: Path) -> None:
    """Read all of a backup, and say whether every part is what was written."""
    from app.services.running.restores import examine

    found = examine(file)
    about = found.about
    click.echo(f"{file} is whole: {_count(found.parts, 'part')}, {_size(found.size)} unpacked.")
    click.echo(f"Made {found.made_at:%Y-%m-%d %H:%M:%S} UTC by Carillon {about['carillon']}.")
    click.echo(f"It holds {about['database']} (tables {about['revision']}), {_holds(about)}.")


@db.command("restore")
@_file
@click.option("--force", is_flag=True, help="Where there is data already: move it aside. Nothing is deleted.")
@_data_dir
def restore_backup(file: Path, force: bool, data_dir: Path | None) -> None:
    """Put a backup back. Nothing is sent before somebody confirms, on a page or with `carillon db confirm`."""
    settings = _settings(data_dir)
    from app.data_dir import DataDir
    from app.services.running.restores import refuse_running, restore

    with DataDir(settings).lock():
        refuse_running(settings)
        done = restore(settings, file, _now(), force=force)
    click.echo(f"Restored what was there on {done.made_at:%Y-%m-%d %H:%M:%S} UTC, with {_count(done.files, 'file')}.")
    for place in done.aside:
        click.echo(f"What was there before lies in {place}.")
    for note in done.notes:
        click.echo(note)
    click.echo("Nothing is sent until an admin confirms on any page, or you with: carillon db confirm")


@db.command("confirm")
@click.option(
    "--go-on", "choice", flag_value="on", help="Send what was on its way; who got it from elsewhere gets it twice."
)
@click.option("--cancel-rest", "choice", flag_value="rest", help="Send nothing of what was on its way.")
@_data_dir
def confirm(choice: str | None, data_dir: Path | None) -> None:
    """After a restore or a copy: say what would go out, and with a choice let this installation send again."""
    settings = _settings(data_dir)
    say_upgrade(settings)
    from app.domain.permissions import system
    from app.services.sending import fences
    from app.services.work import Workshop

    shop = Workshop.equip(settings)
    with shop.read(system()) as work:
        fence, waiting = fences.fence_of(work), fences.waiting(work)
    if fence is None:
        click.echo("There is nothing to confirm: this installation sends as usual.")
        return
    backup = f" of {fence.backup_at:%Y-%m-%d %H:%M} UTC" if fence.backup_at is not None else ""
    click.echo(f"{fence.why}{backup}. The one it was made from may have sent meanwhile what waits here.")
    click.echo(waiting.words)
    if choice is None:
        raise click.UsageError("Choose --go-on or --cancel-rest.")
    with shop.open(system()) as work:
        fences.confirm(work, goes_on=choice == "on")
    click.echo("This installation sends again.")


def say_upgrade(settings: "Settings") -> None:
    """Bring the database to the newest shape, and say where it was backed up before."""
    from app.services.running.upgrades import bring_up

    settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    kept = bring_up(settings, _now())
    if kept is not None:
        click.echo(f"The database was backed up before its upgrade: {kept}", err=True)


def _settings(data_dir: Path | None) -> "Settings":
    from app.infra.logs import set_up_logs
    from app.infra.settings import Settings

    settings = Settings.from_env(data_dir=data_dir)
    set_up_logs(settings.log_format, process="db")
    return settings


def _now() -> datetime:
    from app.infra.clock import SystemClock

    return SystemClock().now()


def _holds(about: dict[str, Any]) -> str:
    files = "the files" if about["has_files"] else "no files"
    return f"{files}, and the secret key" if about["has_key"] else f"{files}, and no secret key"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _size(octets: int) -> str:
    for unit, size in (("GB", 10**9), ("MB", 10**6), ("KB", 10**3)):
        if octets >= size:
            return f"{octets / size:.1f} {unit}"
    return f"{octets} bytes"
