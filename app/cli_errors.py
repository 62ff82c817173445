"""What a person can mistype, said in a sentence with exit code 2 instead of a traceback."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click

FAILED = 1
MISTAKEN = 2  # the exit code of a command that was asked for what cannot be


@contextmanager
def plain_errors() -> Iterator[None]:
    """Run the block; end the process with a sentence for every error that whoever typed the command can mend."""
    try:
        yield
    except (click.exceptions.Exit, click.Abort, click.ClickException):
        raise
    except Exception as error:  # noqa: BLE001 - the outermost floor of the process; what is not known is logged
        sentence = sentence_of(error)
        if not sentence:
            import structlog  # noqa: PLC0415 - only when there is something to say

            structlog.get_logger(__name__).exception("Carillon met an error that it does not know")
            sys.exit(FAILED)
        click.echo(f"Error: {sentence}", err=True)
        sys.exit(MISTAKEN)


def sentence_of(error: Exception) -> str:
    """What to tell whoever typed the command; empty for an error that is ours, whose traceback is logged.

    Kinds of errors are known by the name of their module, so that no library is loaded only to be named here.
    """
    module, name = type(error).__module__, type(error).__name__
    if module.startswith("app."):
        return "\n       ".join(getattr(error, "sentences", None) or [str(error)])
    if isinstance(error, PermissionError | FileExistsError | NotADirectoryError | FileNotFoundError):
        return f"{error.filename}: {error.strerror}. Use a folder this user may write, with --data-dir."
    if module.startswith("sqlalchemy.") and name in {"OperationalError", "DatabaseError", "ProgrammingError"}:
        return (
            f"The database cannot be used: {_first_line(error)}. "
            "Check CARILLON_DATABASE_URL and that it runs, or --data-dir for SQLite."
        )
    if module.startswith("sqlalchemy.") and name in {"ArgumentError", "NoSuchModuleError"}:
        return (
            "CARILLON_DATABASE_URL is not an address of a database; use postgresql+psycopg://user:password@host/name."
        )
    if module.startswith("redis."):
        return f"The queue does not answer: {_first_line(error)}. Check CARILLON_REDIS_URL and that it runs."
    return ""


def _first_line(error: Exception) -> str:
    from app.infra.logs import redact  # noqa: PLC0415 - only when there is something to say

    lines = str(getattr(error, "orig", None) or error).strip().splitlines() or [type(error).__name__]
    return redact(lines[0].rstrip("."))
