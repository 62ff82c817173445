"""django-post_office as its documents say: rows in a database, `send_queued_mail` started time and again as by cron."""

from collections.abc import Set
from contextlib import ExitStack
from pathlib import Path
from random import Random

import psycopg

from tests import peers, postgres
from tests.contrast.kept import Kept, kill_one
from tests.contrast.sender import WORKERS, Account, Sender
from tests.faults.storm import DATABASE, TREE, WORKER
from tests.faults.tree import Sink

MAIN = "main process"
THREADS = 5  # of a process, by default
PAUSE = 1.0  # seconds between two runs; cron's are a minute apart
_QUEUED = "SELECT count(*) FROM post_office_email WHERE status IN (2, 3)"  # queued, requeued
_UNSENT = 'SELECT "to" FROM post_office_email WHERE status <> 0'
# Whatever the rows hold of more than one try: retries, a failure, several entries in the log.
_DOUBTED = """
SELECT "to" FROM post_office_email AS email WHERE status <> 0 OR number_of_retries > 0
OR (SELECT count(*) FROM post_office_log AS log WHERE log.email_id = email.id) <> 1
"""


class PostOffice(Sender):
    """Two processes of five threads each; the file that locks is a run's own."""

    name = f"django-post_office {peers.version('django-post-office')}"
    kinds = (WORKER, MAIN, DATABASE, TREE)
    wires = THREADS

    def __init__(self, sink: Sink, folder: Path) -> None:
        super().__init__(sink)
        self._stack = ExitStack()
        self._server = self._stack.enter_context(postgres.server())
        with psycopg.connect(self._address("postgres"), autocommit=True) as connection:
            connection.execute("CREATE DATABASE office")
        database = {
            "ENGINE": "django.db.backends.postgresql", "NAME": "office", "USER": "carillon",
            "HOST": str(self._server.folder),
        }  # fmt: skip
        self._surroundings = peers.django_surroundings(sink.port, database)
        command = ["django", "send_queued_mail", f"--processes={WORKERS}", f"--lockfile={folder / 'office'}"]
        words = [peers.python(), "-m", *command]
        self._kept = Kept(words, self._surroundings, folder / "office.log", pause=PAUSE)
        self._stack.callback(self._kept.stop)

    def _address(self, name: str) -> str:
        return f"host={self._server.folder} user=carillon dbname={name}"

    def queue(self, people: int) -> None:
        peers.run("queue_mails", str(people), environment=self._surroundings)

    def start(self) -> None:
        self._kept.start()

    def strike(self, victim: str, chance: Random) -> int:
        if victim == DATABASE:
            self._server.kill()
            self._server.start()
            return 0
        if victim == TREE:
            killed = len(self._kept.workers())
            self._kept.kill_all()
            return killed
        kill_one(self._kept.workers if victim == WORKER else self._kept.main, victim, chance)
        return int(victim == WORKER)

    def is_sending(self) -> bool:
        """A row is left, or somebody still sends: an orphan too."""
        try:
            with psycopg.connect(self._address("office")) as connection:
                row = connection.execute(_QUEUED).fetchone()
        except psycopg.OperationalError:
            return True
        return row != (0,) or not set(self._kept.family()) <= set(self._kept.main())

    def end_by_hand(self) -> None:
        self._kept.kill_all()

    def account(self) -> Account:
        return Account(unsent=self._addresses(_UNSENT), doubted=self._addresses(_DOUBTED))

    def _addresses(self, question: str) -> Set[str]:
        with psycopg.connect(self._address("office")) as connection:
            return {row[0] for row in connection.execute(question)}

    def close(self) -> None:
        self._stack.close()
