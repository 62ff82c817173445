"""The `carillon` command: what a person or a process manager types; each subcommand loads only what it needs."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from app.cli_db import db, say_upgrade
from app.cli_errors import plain_errors
from app.cli_sending import sending
from app.infra.loading import loading
from app.infra.processes import set_title

if TYPE_CHECKING:
    from app.infra.settings import Settings
    from app.services.work import Workshop

# Imports stand inside the commands on purpose: `carillon --help` must not wait for SQLAlchemy, nor `up` for Flask.
# ruff: noqa: PLC0415

_data_dir = click.option(
    "--data-dir", type=click.Path(path_type=Path, file_okay=False), metavar="D",
    help="Folder of all that is kept (CARILLON_DATA_DIR; default: var).",
)  # fmt: skip
_host = click.option("--host", metavar="H", help="Address to listen on (CARILLON_HOST; default: 127.0.0.1).")
_port = click.option("--port", metavar="N", help="Port to listen on (CARILLON_PORT; default: 8025; 0: any free one).")


class _PlainGroup(click.Group):
    """A group whose commands answer every foreseeable error with a sentence and exit code 2."""

    def invoke(self, context: click.Context) -> Any:
        """Run the command."""
        with plain_errors():
            return super().invoke(context)


@click.group(cls=_PlainGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="carillon", prog_name="carillon", message="%(prog)s %(version)s")
def main() -> None:
    """Carillon, a self-hosted control room for messages."""


@main.command()
@_host
@_port
@click.option("--workers", metavar="N", help="Worker processes (CARILLON_WORKERS; default: one for each core).")
@_data_dir
def up(**options: Any) -> NoReturn:
    """Run all of it in the foreground: web, workers, ticker and queue."""
    with loading():
        settings = _settings("up", **options)
        from app.supervisor import Supervisor

    sys.exit(Supervisor(settings).run())


@main.command()
@_host
@_port
@_data_dir
def web(**options: Any) -> None:
    """Run the web server alone."""
    with loading():
        settings = _settings("web", **options)
        from app.serving import serve

    serve(settings)


@main.command()
@_data_dir
def worker(**options: Any) -> None:
    """Run one worker process alone."""
    with loading():
        settings = _settings("worker", **options)
        set_title("worker")
        from app.runtime import run

    run(settings)


@main.command()
@_data_dir
def ticker(**options: Any) -> None:
    """Run the ticker alone: it starts what is due and picks up what was left."""
    with loading():
        settings = _settings("ticker", **options)
        set_title("ticker")
        from app.runtime import run_ticker

    run_ticker(settings)


@main.command("bounces")
@_data_dir
def receive_bounces(**options: Any) -> None:
    """Run the receiver of bounces alone: mail servers tell it what became of mail (CARILLON_BOUNCES_PORT)."""
    with loading():
        settings = _settings("bounces", **options)
        from app.bounces import run

    run(settings)


@main.group()
def project() -> None:
    """Projects: the boundary of everything else."""


@project.command("create")
@click.argument("project_id", metavar="ID")
@click.option("--name", required=True, help="The name people read.")
@_data_dir
def create_project(project_id: str, name: str, data_dir: Path | None) -> None:
    """Make a project."""
    from app.domain.permissions import system
    from app.services.team import projects

    with _workshop(data_dir).open(system()) as work:
        projects.create_project(work, project_id, name=name)
    click.echo(f"Made project {project_id}.")


@main.group()
def key() -> None:
    """API keys."""


@key.command("create")
@click.option("--project", "project_id", required=True, metavar="ID", help="The project the key opens.")
@click.option("--name", required=True, help="What the key is for.")
@click.option("--scopes", required=True, metavar="all|LIST", help="all, or scopes with commas between them.")
@_data_dir
def create_key(project_id: str, name: str, scopes: str, data_dir: Path | None) -> None:
    """Make an API key; its secret is the last line of the output and is never shown again."""
    from app.domain.permissions import system
    from app.services.team import keys, projects

    wanted = [scope.strip() for scope in scopes.split(",") if scope.strip()]
    shop = _workshop(data_dir)
    with shop.read(system()) as work:
        project_pk = projects.find_project(work, project_id).pk
    with shop.open(system(project_pk)) as work:
        _, secret = keys.create_key(work, name=name, scopes=wanted)
    click.echo(f"Made an API key for project {project_id}. Keep its secret; it is shown only now:")
    click.echo(secret)


@main.group()
def member() -> None:
    """Members: people who sign in."""


@member.command("create")
@click.argument("email")
@click.option("--role", required=True, metavar="ROLE", help="viewer, composer, operator or admin.")
@click.option("--project", "project_id", default="", metavar="ID", help="The project; may be left out if there is one.")
@click.option("--name", default="", help="The name people read.")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
@_data_dir
def create_member(**given: Any) -> None:
    """Make a member, or give one that exists another role."""
    from app.domain.permissions import system
    from app.services.team import members

    password = _read_password(from_stdin=given["password_stdin"])
    with _workshop(given["data_dir"]).open(system()) as work:
        members.create_member(
            work, given["email"], password, role=given["role"], project_id=given["project_id"], name=given["name"]
        )
    click.echo(f"{given['email']} can sign in now.")


@member.command("password")
@click.argument("email")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
@_data_dir
def replace_password(email: str, password_stdin: bool, data_dir: Path | None) -> None:
    """Give a member another password; whoever is signed in as that member is signed out."""
    from app.domain.permissions import system
    from app.services.team import members

    password = _read_password(from_stdin=password_stdin)
    with _workshop(data_dir).open(system()) as work:
        members.replace_password(work, email, password)
    click.echo(f"{email} signs in with the new password from now on.")


@main.command("seed")
@click.option("--project", "project_id", default="", metavar="ID", help="The project; may be left out if there is one.")
@_data_dir
def add_sample_data(project_id: str, data_dir: Path | None) -> None:
    """Add sample data: people, topics and messages that show every page full."""
    from app.seed import seed

    click.echo(seed(_workshop(data_dir), project_id))


main.add_command(db)
main.add_command(sending)


@main.command(hidden=True)
@_data_dir
def prepare(data_dir: Path | None) -> None:
    """What `up` does before anything else; the last line is the address of the first member, if there is none yet."""
    settings = _settings("db", data_dir=data_dir)
    from app.domain.permissions import system
    from app.services.team import access

    shop = _workshop(data_dir)
    with shop.read(system()) as work:
        is_new = not access.has_members(work)
    if is_new:
        with shop.open(system()) as work:
            click.echo(f"{settings.address}/start/{access.invite_first_member(work)}")


@main.command()
@_data_dir
def doctor(data_dir: Path | None) -> NoReturn:
    """Look at everything Carillon needs; the exit code is 1 when something is not well."""
    settings = _settings("doctor", data_dir=data_dir)
    from app.infra.broker import Broker
    from app.infra.db import Database
    from app.services.running.health import examine

    checks = examine(settings, Database(settings.sqlalchemy_url), Broker(settings.broker_url))
    for check in checks:
        click.echo(f"{'ok ' if check.is_good else 'BAD'}  {check.name}: {check.sentence}")
    sys.exit(0 if all(check.is_good for check in checks) else 1)


@main.command()
@click.argument("part", type=click.Choice(["worker", "ticker"]))
@_data_dir
def alive(part: str, data_dir: Path | None) -> NoReturn:
    """Look for a sign of life of this machine's worker or ticker; the exit code is 1 when there is none."""
    settings = _settings("alive", data_dir=data_dir)
    from app.infra.broker import Broker
    from app.services.running.life import look_for

    check = look_for(part, settings, Broker(settings.broker_url))
    click.echo(check.sentence)
    sys.exit(0 if check.is_good else 1)


def _settings(process: str, **overrides: Any) -> "Settings":
    """The settings of this process, with its logs set up accordingly."""
    from app.infra.logs import set_up_logs
    from app.infra.settings import Settings
    from app.infra.starting import say_start

    settings = Settings.from_env(**overrides)
    set_up_logs(settings.log_format, process=process)
    say_start(settings, process)
    return settings


def _workshop(data_dir: Path | None) -> "Workshop":
    """What the services need, on a database that has the newest shape."""
    settings = _settings("cli", data_dir=data_dir)
    from app.services.work import Workshop

    say_upgrade(settings)
    return Workshop.equip(settings)


def _read_password(*, from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    if not sys.stdin.isatty():
        raise click.UsageError("There is no terminal to ask for the password; give it with --password-stdin.")
    return str(click.prompt("Password", hide_input=True, confirmation_prompt=True))


if __name__ == "__main__":
    main()
