"""The functions RQ may call; each answers its bell and calls one function below, nothing more."""

from app.engine import balance_watch, fanout, feedback, naming, ticker
from app.engine import dispatch as dispatching
from app.engine.machine import Machine
from app.services import file_sweeps, imports, sandbox_receipts, sending
from app.services.work import Workshop

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


def fan_out(message_pk: int) -> None:
    """Plan the deliveries of a message."""
    naming.begin_job(_machine(), "fan_out", message_pk)
    _machine().broker.answered("fan_out", message_pk)
    fanout.expand(_machine(), message_pk)


def dispatch(message_pk: int, slot: int = 0) -> None:
    """Send what is due of a message."""
    naming.begin_job(_machine(), "dispatch", message_pk)
    _machine().broker.answered("dispatch", message_pk, slot)
    dispatching.drain(_machine(), message_pk, slot)


def skip_rest(message_pk: int) -> None:
    """Skip what a cancelled message left in the queue."""
    naming.begin_job(_machine(), "skip_rest", message_pk)
    _machine().broker.answered("skip_rest", message_pk)
    ticker.skip_rest(_machine(), message_pk)


def apply_receipts() -> None:
    """Hold what services said against the deliveries it is about."""
    naming.begin_job(_machine(), "apply_receipts")
    _machine().broker.answered("apply_receipts")
    feedback.apply_due(_machine())


def ask_for_receipts(provider_pk: int) -> None:
    """Tell an emulator where we listen for what it says afterwards."""
    naming.begin_job(_machine(), "ask_for_receipts")
    _machine().broker.answered("ask_for_receipts", provider_pk)
    sandbox_receipts.ask(_workshop(), provider_pk)


def wake(project_pk: int) -> None:
    """Go on with everything that waited for a provider of this project."""
    naming.begin_job(_machine(), "wake")
    _machine().broker.answered("wake", project_pk)
    sending.wake(_workshop(), project_pk)


def check_balance() -> None:
    """Hold the counts of some messages against their rows."""
    naming.begin_job(_machine(), "check_balance")
    _machine().broker.answered("check_balance")
    balance_watch.check(_machine())


def run_import(import_pk: int) -> None:
    """Bring the rows of a CSV file in."""
    naming.begin_job(_machine(), "run_import")
    _machine().broker.answered("run_import", import_pk)
    imports.run(_workshop(), import_pk)


def sweep_files() -> None:
    """Empty the folders of the file store whose rows are gone."""
    naming.begin_job(_machine(), "sweep_files")
    _machine().broker.answered("sweep_files")
    file_sweeps.sweep(_workshop())
