"""PgBouncer between Carillon and PostgreSQL, handing each connection on after every transaction."""

import shutil
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import make_url, text

from app.infra.db import Database
from app.migrations import downgrade, is_current, upgrade
from app.models.projects import Project
from tests import needs, postgres
from tests.faults.tree import wait_for
from tests.scale.cluster import free_port

pytestmark = pytest.mark.needs("pgbouncer")

CONFIGURATION = """
[databases]
* = host={folder} user=carillon
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 2
"""


@pytest.fixture(scope="module")
def pooled_url(own_postgresql: postgres.Server) -> Iterator[str]:
    """A migrated database as it is reached through the pool, which is left with two connections for everybody."""
    port, folder = free_port(), own_postgresql.folder / "pool"
    folder.mkdir()
    file = folder / "pgbouncer.ini"
    file.write_text(CONFIGURATION.format(folder=own_postgresql.folder, port=port))
    shutil.chown(folder, own_postgresql.folder.owner())
    process = subprocess.Popen(
        [needs.find_program("pgbouncer") or "", "-q", str(file)], stderr=subprocess.DEVNULL,
        user=own_postgresql.folder.owner(),
    )  # fmt: skip
    name = make_url(own_postgresql.new_database()).database
    url = f"postgresql+psycopg://carillon@127.0.0.1:{port}/{name}?prepare_threshold=none"
    wait_for(lambda: _answers(url), "the pool answers", 10)
    yield url
    process.terminate()
    process.wait(10)


def _answers(url: str) -> bool:
    try:
        return is_current(url)
    except Exception:  # noqa: BLE001 - nobody listens yet
        return False


def test_many_threads_share_two_connections_of_a_pool_without_an_error(pooled_url: str) -> None:
    database = Database(pooled_url)

    def ask(number: int) -> int:
        with database.begin() as session:  # the sixth time and later a statement would be prepared on the server
            session.execute(text("UPDATE projects SET name = name WHERE pk = :pk"), {"pk": number})
            return len(session.query(Project).filter_by(pk=number).all())

    with ThreadPoolExecutor(6) as pool:
        assert set(pool.map(ask, range(200))) == {0}
    database.close()


def test_tables_are_made_through_a_pool(pooled_url: str) -> None:
    downgrade(pooled_url, "base")
    upgrade(pooled_url)
    assert is_current(pooled_url)
