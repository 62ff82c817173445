"""One worker process for any process manager: `python worker.py`."""

from app.infra.settings import Settings
from app.runtime import run

if __name__ == "__main__":
    run(Settings.from_env())
