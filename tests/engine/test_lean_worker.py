"""A worker holds what its work needs and nothing else: each library more costs memory in all, and a later start."""

import subprocess
import sys
from pathlib import Path

from app.engine.machine import Machine
from app.infra.db import FEW_PAGES, MANY_PAGES, PAGES, Database
from app.infra.settings import ROOT
from tests.conftest import SECRET
from tests.engine import story
from tests.engine.conftest import MailServer

# As `carillon worker` does: the code, what every worker has, one job.
WORKER = """
import sys
from app.infra.loading import loading
from app.infra.settings import Settings
with loading():
    from app import jobs, runtime
    from app.infra.queue_worker import run_worker
from app.infra.broker import Broker
from app.infra.clock import SystemClock
from app.infra.db import Database
from app.infra.vault import Vault
from app.services.work import Workshop
settings = Settings.from_env()
shop = Workshop(
    settings, Database(settings.sqlalchemy_url), Broker(settings.broker_url), SystemClock(), Vault([sys.argv[2]])
)
machine = jobs.bind(shop)
jobs.dispatch(int(sys.argv[1]))
machine.close()
print(*[name for name, module in sys.modules.items() if module is not None])
"""
# The processes before and after this one, other channels, files and imports, and tools of whoever develops.
NOT_NEEDED = frozenset({
    "flask", "werkzeug", "jinja2", "wtforms", "granian", "limits", "alembic", "app.web", "app.api", "app.factory",
    "app.emulators", "app.migrations", "httpx", "pyreqwest", "jwt", "obstore", "PIL", "pillow_heif", "puremagic",
    "phonenumbers", "ua_parser", "prometheus_client", "pydantic", "rich", "pygments", "app.services.imports",
    "app.services.files", "app.services.contacts", "app.services.demo", "app.infra.http", "app.infra.valkey",
})  # fmt: skip
WEB = """
import os
from app import serving
from app.factory import create_app
from app.infra.settings import Settings
serving._read_pages()
create_app(Settings.from_env())
paths = [f"/proc/self/fd/{name}" for name in os.listdir("/proc/self/fd")]
opened = [os.readlink(path) for path in paths if os.path.exists(path)]  # the list had one of its own
print(*[each for each in opened if "socket" in each or "sqlite" in each], len(os.listdir("/proc/self/task")))
"""


def _run(program: str, machine: Machine, *words: str) -> list[str]:
    long_enough = machine.settings.but({"secret_keys": "k" * 40})
    done = subprocess.run(
        [sys.executable, "-c", program, *words], cwd=ROOT, env=long_enough.environment(), capture_output=True,
        text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_a_worker_that_sends_an_email_has_loaded_nothing_of_what_it_does_not_need(
    machine: Machine, mail: MailServer
) -> None:
    story.connect(machine, mail)
    loaded = set(_run(WORKER, machine, str(story.start(machine, people=1)), SECRET))
    assert len(mail.recipients()) == 1
    assert {"app.providers.smtp", "app.rendering.email"} <= loaded
    assert loaded & NOT_NEEDED == set()
    kinds = {path.stem for path in (ROOT / "app" / "providers").glob("*.py") if "PROVIDER = " in path.read_text()}
    assert {f"app.providers.{kind}" for kind in kinds} & loaded == {"app.providers.smtp"}


def test_the_app_that_web_processes_share_was_made_without_a_connection_and_without_a_thread(machine: Machine) -> None:
    assert _run(WEB, machine) == ["1"]


def test_what_a_library_is_deferred_for_is_none_of_our_own_layers() -> None:
    """Contracts of imports do not see what is imported later."""
    deferred = [path for path in (ROOT / "app").rglob("*.py") if 'later("app' in path.read_text()]
    assert deferred == []


def test_a_connection_keeps_more_pages_only_while_many_rows_are_changed(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'pages.sqlite3'}", pages=FEW_PAGES)
    assert _pages(database) == -FEW_PAGES
    with database.many_rows():
        assert _pages(database) == -MANY_PAGES
    assert _pages(database) == -FEW_PAGES
    database.close()
    usual = Database(f"sqlite:///{tmp_path / 'pages.sqlite3'}")
    assert _pages(usual) == -PAGES
    usual.close()


def _pages(database: Database) -> int:
    with database.connect() as connection:
        return int(connection.exec_driver_sql("PRAGMA cache_size").scalar_one())
