"""One worker process for any process manager: `python worker.py`."""

from app.infra.logs import set_up_logs
from app.infra.settings import Settings
from app.runtime import run

if __name__ == "__main__":
    settings = Settings.from_env()
    set_up_logs(settings.log_format, process="worker")  # redacted, as under `carillon worker`
    run(settings)
