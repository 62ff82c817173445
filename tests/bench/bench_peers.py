"""P2: the emails of P1 against two senders that many use: nodemailer's pool, and django-post_office.

Both get the words ready-made and fill in name and city. nodemailer keeps no record of what it sent. post_office keeps a
row a mail; putting the rows there is not counted, though ours counts its fan-out. Fewer mails for who is slower.
"""

import json
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

from app.domain.content import EmailContent
from app.domain.rendered import Recipient
from app.rendering import prepare
from tests import peers
from tests.bench.bench_email import BODY, office_for
from tests.bench.measure import FOLDER, Measurement
from tests.bench.postfix import running_sink
from tests.bench.sending import seconds_to_send

NODEMAILER, POST_OFFICE = "P2", "P2b"
_SCRIPT = FOLDER / "peers" / "nodemailer.js"
_TARGETS = {NODEMAILER: 12.0, POST_OFFICE: 20.0}
_FEWER = {NODEMAILER: 10, POST_OFFICE: 20}
_PROCESSES, _BATCH = 2, 500  # of post_office: as many as ours has workers; five times its default, which is quicker

Rate = Callable[[], float]


def measure(people: int, rounds: int) -> Iterator[Measurement]:
    """Ours and both of theirs in turn, against the same sink; who is not here is left out with a sentence."""
    print(f"P2   {people:,} emails of ours, {_fewer_of(people)}, {rounds} rounds", flush=True)
    with ExitStack() as stack:
        port = stack.enter_context(running_sink())
        folder = Path(stack.enter_context(TemporaryDirectory()))
        (folder / "words").write_text(json.dumps(_words()))
        theirs = dict(_senders(port, folder, people))
        if not theirs:
            return
        office = stack.enter_context(office_for(port))

        def our_rate(total: int) -> float:
            return total / seconds_to_send(office, office.write(total, body=BODY), total)

        our_rate(people // 10)  # warm: connections, caches, pages of the database
        ours: list[float] = []
        found: dict[str, list[float]] = {name: [] for name in theirs}
        for _ in range(rounds):
            for name, rate in theirs.items():
                found[name].append(rate())
            ours.append(our_rate(people))
    for name, rates in found.items():
        ratios = [mine / other for mine, other in zip(ours, rates, strict=True)]
        yield Measurement(name, _what(name), "/s", ours, rates, ratios, at_least=_TARGETS[name])


def _what(name: str) -> str:
    if name == NODEMAILER:
        return f"P1's emails against nodemailer {peers.nodemailer_version()}, pool of 10"
    return f"P1's emails against django-post_office {peers.version('django-post-office')}"


def _fewer_of(people: int) -> str:
    return f"{people // _FEWER[NODEMAILER]:,} of nodemailer, {people // _FEWER[POST_OFFICE]:,} of post_office"


def _senders(port: int, folder: Path, people: int) -> Iterator[tuple[str, Rate]]:
    """Each of the two that is here, and how to take its rate."""
    makers = ((NODEMAILER, _nodemailer), (POST_OFFICE, _post_office))
    for name, make in makers:
        try:
            yield name, make(port, folder, people // _FEWER[name])
        except peers.PeerMissingError as error:
            print(f"{name:4} left out: {error}", flush=True)


def _nodemailer(port: int, folder: Path, total: int) -> Rate:
    command = [peers.node(), str(_SCRIPT), str(port), str(total), str(folder / "words")]

    def rate() -> float:
        said = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.split()
        return total / float(said[0])

    return rate


def _post_office(port: int, folder: Path, total: int) -> Rate:
    database = {
        "ENGINE": "django.db.backends.sqlite3", "NAME": str(folder / "office.db"),
        "OPTIONS": {"init_command": "PRAGMA journal_mode = WAL", "timeout": 60},
    }  # fmt: skip
    environment = peers.django_surroundings(port, database, BATCH_SIZE=_BATCH)
    peers.python()  # may have to be made first

    def rate() -> float:
        peers.run("queue_mails", str(total), str(folder / "words"), environment=environment)
        said = peers.run("send_mails", str(folder / "office"), str(_PROCESSES), environment=environment)
        return total / float(said.splitlines()[-1])

    return rate


def _words() -> dict[str, str]:
    """Subject, text and HTML as the recipient sees them, with {name} and {city} where those of the person stand."""
    content = EmailContent.from_json({"subject": "Autumn news", "preheader": "", "format": "markdown", "body": BODY})
    person = Recipient("c1@example.org", "{name}", {"name": "{name}", "city": "{city}"})
    seen = prepare(content).render(person)
    return {"subject": seen.subject, "text": seen.text, "html": seen.html}
