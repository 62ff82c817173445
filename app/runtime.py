"""The one place where the worker and ticker processes are wired together."""

import signal

from app.engine.fence import Watchman
from app.engine.machine import Machine
from app.infra.collecting import collect_seldom
from app.infra.db import FEW_PAGES
from app.infra.loading import loading
from app.infra.processes import StopSign
from app.infra.settings import Settings
from app.infra.sqlite_library import leave_out_locks
from app.services.work import Workshop

# The two stand in one place and each loads its own, on purpose: a worker needs nothing of what a ticker looks after.
# ruff: noqa: PLC0415


def run(settings: Settings) -> None:
    """One RQ worker; returns after SIGTERM, when the job in hand is done."""
    with loading():
        from app import jobs
        from app.infra.queue_worker import run_worker, worker_name

    collect_seldom()
    leave_out_locks()
    workshop = Workshop.equip(settings, pages=FEW_PAGES)
    machine = jobs.bind(workshop)
    Watchman(machine).check_in()
    run_worker(settings.broker_url, worker_name())
    machine.close()
    workshop.close()


def run_ticker(settings: Settings) -> None:
    """One ticker; returns soon after SIGTERM."""
    with loading():
        from app.engine import balance_watch, provider_history, ticker
        from app.services.people import imports
        from app.services.previews import lint
        from app.services.storage import file_sweeps
        from app.services.tracking import dead_letter_orders, receipts, sandbox_receipts

    workshop = Workshop.equip(settings)
    machine = Machine(settings, workshop.database, workshop.broker, workshop.clock, workshop.vault)
    stop = StopSign()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.raise_up())
    watchman = Watchman(machine)
    watchman.check_in(stop)
    beside = {
        "see whether the database is the one it was": watchman.keep,
        "go on with imports": lambda: imports.ring_stalled(workshop),
        "go on with dead letters": lambda: dead_letter_orders.ring_stalled(workshop),
        "look at drafts": lambda: lint.ring_due(workshop),
        "look after files": lambda: file_sweeps.ring_due(workshop),
        "apply receipts that came early": lambda: receipts.ring_waiting(workshop),
        "sum up how providers did": lambda: provider_history.sweep(machine),
        "look at the balance": lambda: balance_watch.ring(machine),
        "tell the Sandbox where receipts go": lambda: sandbox_receipts.ring_untold(workshop),
    }
    ticker.run(machine, stop, beside)
    workshop.close()
