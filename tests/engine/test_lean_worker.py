"""A worker holds what its work needs and nothing else: each library more costs memory in all, and a later start."""

import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import event

from app.engine.machine import Machine
from app.infra.bulk import rows_by_number
from app.infra.db import FEW_PAGES, MANY_PAGES, PAGES, Database
from app.infra.settings import ROOT
from tests import factories
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
    "phonenumbers", "babel", "ua_parser", "prometheus_client", "pydantic", "rich", "pygments",
    "app.services.people.imports", "app.services.people.contacts", "app.services.storage.files",
    "app.services.story.demo", "app.infra.http", "app.infra.valkey",
})  # fmt: skip
# Random keys into an index that is larger than what a connection keeps; MiB at the peak and afterwards.
MANY_ROWS = """
import sys
from pathlib import Path
from app.infra.db import FEW_PAGES, Database
def held(name):
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name)) / 1024
MORE = '''
WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < {})
INSERT INTO t (key) SELECT hex(randomblob(80)) FROM n WHERE true ON CONFLICT (key) DO NOTHING
'''
database = Database(sys.argv[1], pages=FEW_PAGES)
with database.connect() as connection:
    connection.exec_driver_sql("CREATE TABLE t (pk INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE)")
    connection.exec_driver_sql(MORE.format(60_000))
before = held("VmRSS")
Path("/proc/self/clear_refs").write_text("5")  # the peak from now on
with database.many_rows(), database.connect() as connection:
    connection.exec_driver_sql(MORE.format(20_000))
print(held("VmHWM") - before, held("VmRSS") - before)
"""
WEB = """
import os
import time
from app import serving
from app.factory import create_app
from app.infra.settings import Settings
serving._read_pages()
create_app(Settings.from_env())
paths = [f"/proc/self/fd/{name}" for name in os.listdir("/proc/self/fd")]
opened = [os.readlink(path) for path in paths if os.path.exists(path)]  # the list had one of its own
end = time.monotonic() + 5  # the limiter's fallback begins a timer of 10 ms that ends by itself
while len(os.listdir("/proc/self/task")) > 1 and time.monotonic() < end:
    time.sleep(0.01)
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


def test_what_a_change_of_many_rows_might_take_back_is_not_in_memory_and_all_is_given_back_afterwards(
    machine: Machine, tmp_path: Path
) -> None:
    """Twenty thousand new keys touch some 3,000 leaves of the index: 12 MiB beside the 8 that a connection keeps."""
    most, left = map(float, _run(MANY_ROWS, machine, f"sqlite:///{tmp_path / 'many.sqlite3'}"))
    assert most < 14
    assert left < 1


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
    with pytest.raises(ZeroDivisionError), database.many_rows():
        raise ZeroDivisionError
    assert _pages(database) == -FEW_PAGES
    database.close()
    usual = Database(f"sqlite:///{tmp_path / 'pages.sqlite3'}")
    assert _pages(usual) == -PAGES
    usual.close()


def _pages(database: Database) -> int:
    with database.connect() as connection:
        return int(connection.exec_driver_sql("PRAGMA cache_size").scalar_one())


def test_batches_of_every_size_ask_with_few_statements_and_get_each_row_once(machine: Machine) -> None:
    """A connection keeps the last 128 statements, and a thousand marks make a large one."""
    asked: set[str] = set()

    @event.listens_for(machine.database.engine, "before_cursor_execute")
    def _note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        asked.add(statement)

    with machine.database.begin() as session:
        pks = [factories.make_contact(session).pk for _ in range(40)]
        asked.clear()
        for size in range(1, 41):
            rows = rows_by_number(session, "SELECT pk FROM contacts WHERE pk IN {numbers} ORDER BY pk", pks[:size])
            assert [pk for (pk,) in rows] == pks[:size]
    assert len(asked) == 7
