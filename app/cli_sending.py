"""`carillon sending …`: the stop of all sending, for an operator without a browser."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from app.services.sending.stopping import Traffic
    from app.services.work import Work

# Imports stand inside the commands on purpose: `carillon --help` must not wait for SQLAlchemy.
# ruff: noqa: PLC0415

_data_dir = click.option(
    "--data-dir", type=click.Path(path_type=Path, file_okay=False), metavar="D",
    help="Folder of all that is kept (CARILLON_DATA_DIR; default: var).",
)  # fmt: skip
_project = click.option(
    "--project", "project_id", default="", metavar="ID", help="One project only; otherwise every one."
)


@click.group()
def sending() -> None:
    """The stop of all sending: stop, resume, status."""


@sending.command("stop")
@_project
@_data_dir
def stop(project_id: str, data_dir: Path | None) -> None:
    """Write to nobody from now on, and start nothing; within a second, on every machine."""
    from app.services.sending import stopping

    for work in _works(project_id, data_dir):
        traffic = stopping.stop(work)
        click.echo(f"{work.project.id}: stopped. {_say(traffic)}")


@sending.command("resume")
@_project
@_data_dir
def resume(project_id: str, data_dir: Path | None) -> None:
    """Go on with exactly what was left."""
    from app.services.sending import stopping

    for work in _works(project_id, data_dir):
        traffic = stopping.resume(work)
        click.echo(f"{work.project.id}: sending goes on. {_say(traffic)}")


@sending.command("status")
@_project
@_data_dir
def status(project_id: str, data_dir: Path | None) -> None:
    """Say what is on its way or held, project by project."""
    from app.services.sending import stopping

    for work in _works(project_id, data_dir, only_looks=True):
        traffic = stopping.traffic_of(work)
        since = traffic.stopped_at
        state = f"stopped since {since:%Y-%m-%d %H:%M:%S} UTC by {traffic.stopped_by}" if since else "sending"
        click.echo(f"{work.project.id}: {state}. {_say(traffic)}")


def _say(traffic: "Traffic") -> str:
    words = f"On the way: messages {traffic.messages:,}, people left {traffic.left:,}"
    words += ", more are being counted" if traffic.is_counting else ""
    return f"{words}. Paused: {traffic.paused:,}. Due: {traffic.due:,}. Late, wait for a person: {traffic.late:,}."


def _works(project_id: str, data_dir: Path | None, *, only_looks: bool = False) -> "Iterator[Work]":
    """A work for each project, one after the other; each is through before the next begins."""
    from app.cli_db import say_upgrade
    from app.domain.permissions import system
    from app.infra.logs import set_up_logs
    from app.infra.settings import Settings
    from app.services.team import projects
    from app.services.work import Workshop

    settings = Settings.from_env(data_dir=data_dir)
    set_up_logs(settings.log_format, process="cli")
    say_upgrade(settings)
    shop = Workshop.equip(settings)
    with shop.read(system()) as work:
        found = [projects.find_project(work, project_id)] if project_id else projects.every_project(work)
    for project in found:
        actor = replace(system(project.pk), name="the command line")
        with shop.read(actor) if only_looks else shop.open(actor) as work:
            yield work
    shop.close()
