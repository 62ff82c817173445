"""`python -m tests.engine.workers`: drains messages for some seconds in real time, as a worker of its own would.

It takes the settings as JSON, the messages' numbers as JSON, and the seconds.
"""

import json
import sys
import time

from app.engine import dispatch
from app.engine.machine import Machine
from app.infra.broker import Broker
from app.infra.clock import SystemClock
from app.infra.db import Database
from app.infra.settings import Settings
from app.infra.vault import Vault
from tests.conftest import SECRET


def main(facts: str, numbers: str, seconds: str) -> None:
    """Do it."""
    settings = Settings(**json.loads(facts))
    machine = Machine(
        settings, Database(settings.sqlalchemy_url), Broker(settings.broker_url), SystemClock(), Vault([SECRET])
    )
    end = time.monotonic() + float(seconds)
    while time.monotonic() < end:
        if not sum(dispatch.drain(machine, number) for number in json.loads(numbers)):
            time.sleep(0.02)
    machine.close()
    machine.database.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
