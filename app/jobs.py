"""The functions RQ may call; each answers its bell and calls one function below, nothing more."""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec

from app.engine import dispatch as dispatching
from app.engine import fanout, naming, setbacks
from app.engine.machine import Machine
from app.services.work import Workshop

# What every worker does stands above; the rest is imported inside its job, on purpose: a worker that only sends holds
# nothing of imports, files and the Sandbox in its memory (docs/adr/0038-start-and-memory.md).
# ruff: noqa: PLC0415

_process: dict[str, Workshop | Machine] = {}


def bind(workshop: Workshop) -> Machine:
    """Give the jobs of this process what they need; a worker does this once, before it takes the first job."""
    machine = Machine(workshop.settings, workshop.database, workshop.broker, workshop.clock, workshop.vault)
    _process.update(workshop=workshop, machine=machine)
    return machine


def _machine() -> Machine:
    machine = _process["machine"]
    assert isinstance(machine, Machine)  # noqa: S101 - bind() put it there
    return machine


def _workshop() -> Workshop:
    workshop = _process["workshop"]
    assert isinstance(workshop, Workshop)  # noqa: S101 - bind() put it there
    return workshop


Args = ParamSpec("Args")


def _of_message(job: Callable[Args, None]) -> Callable[Args, None]:
    """A job of a message, its first argument: when it fails over and over, the message's page says so."""

    @wraps(job)
    def _run(*args: Args.args, **_named: Args.kwargs) -> None:
        numbers = [int(str(each)) for each in args]
        say = setbacks.of_message(_machine(), job.__name__, numbers[0])
        with setbacks.noted(_machine(), job.__name__, tuple(numbers), say):
            job(*args, **_named)

    return _run


def _resting(job: Callable[Args, None]) -> Callable[Args, None]:
    """A job that rests when it has failed."""

    @wraps(job)
    def _run(*args: Args.args, **_named: Args.kwargs) -> None:
        with setbacks.noted(_machine(), job.__name__, tuple(int(str(each)) for each in args)):
            job(*args, **_named)

    return _run


@_of_message
def fan_out(message_pk: int) -> None:
    """Plan the deliveries of a message, alone: a second worker would plan every other page of it instead of sending."""
    naming.begin_job(_machine(), "fan_out", message_pk)
    _machine().broker.at_work("fan_out", message_pk)
    try:
        with _machine().database.many_rows():
            fanout.expand(_machine(), message_pk)
    finally:
        _machine().broker.answered("fan_out", message_pk)


@_of_message
def dispatch(message_pk: int, slot: int = 0) -> None:
    """Send what is due of a message."""
    naming.begin_job(_machine(), "dispatch", message_pk)
    _machine().broker.answered("dispatch", message_pk, slot)
    dispatching.drain(_machine(), message_pk, slot)


@_of_message
def skip_rest(message_pk: int) -> None:
    """Skip what a cancelled message left in the queue."""
    from app.engine import ticker

    naming.begin_job(_machine(), "skip_rest", message_pk)
    _machine().broker.answered("skip_rest", message_pk)
    ticker.skip_rest(_machine(), message_pk)


@_resting
def apply_receipts() -> None:
    """Hold what services said against the deliveries it is about."""
    from app.engine import feedback

    naming.begin_job(_machine(), "apply_receipts")
    _machine().broker.answered("apply_receipts")
    with _machine().database.many_rows():
        feedback.apply_due(_machine())


@_resting
def ask_for_receipts(provider_pk: int) -> None:
    """Tell an emulator where we listen for what it says afterwards."""
    from app.services.tracking import sandbox_receipts

    naming.begin_job(_machine(), "ask_for_receipts")
    _machine().broker.answered("ask_for_receipts", provider_pk)
    sandbox_receipts.ask(_workshop(), provider_pk)


@_resting
def wake(project_pk: int) -> None:
    """Go on with everything that waited for a provider of this project."""
    from app.services.sending import sending

    naming.begin_job(_machine(), "wake")
    _machine().broker.answered("wake", project_pk)
    sending.wake(_workshop(), project_pk)


@_resting
def check_balance() -> None:
    """Hold the counts of some messages against their rows."""
    from app.engine import balance_watch

    naming.begin_job(_machine(), "check_balance")
    _machine().broker.answered("check_balance")
    balance_watch.check(_machine())


def run_import(import_pk: int) -> None:
    """Bring the rows of a CSV file in."""
    from app.services.people import imports

    naming.begin_job(_machine(), "run_import")
    _machine().broker.answered("run_import", import_pk)
    say = imports.say_setback(_workshop(), import_pk)
    with setbacks.noted(_machine(), "run_import", (import_pk,), say), _workshop().database.many_rows():
        imports.run(_workshop(), import_pk)


@_resting
def carry_out_order(order_pk: int) -> None:
    """Go on with what somebody decided about dead letters."""
    from app.services.tracking import dead_letter_orders

    naming.begin_job(_machine(), "carry_out_order")
    _machine().broker.answered("carry_out_order", order_pk)
    dead_letter_orders.carry_out(_workshop(), order_pk)


@_resting
def sweep_files() -> None:
    """Empty the folders of the file store whose rows are gone."""
    from app.services.storage import file_sweeps

    naming.begin_job(_machine(), "sweep_files")
    _machine().broker.answered("sweep_files")
    file_sweeps.sweep(_workshop())


def lint_audience(message_pk: int) -> None:
    """Look at what everybody in a draft's audience would get."""
    from app.services.previews import lint, lint_run

    naming.begin_job(_machine(), "lint_audience", message_pk)
    _machine().broker.answered("lint_audience", message_pk)
    with setbacks.noted(_machine(), "lint_audience", (message_pk,), lint.say_setback(_workshop(), message_pk)):
        lint_run.run(_workshop(), message_pk)
