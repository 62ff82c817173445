"""The composer's answers for an email of 100 KB (P11): a save while somebody types, the preview's frame, its views.

Each answer is made by the whole application in this process, as a member who is signed in asks for it. Every save
changes the words, so nothing that was kept of the email helps; the frame that a browser asks for afterwards finds it.
"""

import gc
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from flask.testing import EnvironBuilder

from app.domain.permissions import system
from app.factory import create_app
from app.infra.settings import Settings
from app.infra.valkey import Valkey
from app.migrations import upgrade
from app.services.team import members, projects
from app.services.work import Workshop
from tests import factories
from tests.bench.measure import Measurement
from tests.faults.story import EMAIL, OLGA, PASSWORD
from tests.web.page_client import FormCard, PageClient

ANSWERS = 40  # of each kind in each round
WARMING = 5
PEOPLE = 2_000
SIZE = 100 * 1024
TARGET = 150  # milliseconds at the 95th percentile
VIEWS = ("email", "source", "headers", "parts", "links", "programs", "request")
_ROW = (
    '<tr><td style="padding:8px;color:#333"><a href="https://example.org/a?x={n}&amp;from=news">Hello '
    '{{{{ first_name | there }}}}</a> <img src="https://example.org/{n}.png" alt="Picture {n}" width="200"> some words '
    "of a newsletter that go on and on until the line is long enough</td></tr>\n"
)
_HTMX = {"HX-Request": "true", "HX-Target": "saved"}
clock = time.perf_counter


def newsletter(size: int) -> str:
    """An email's HTML of about that many octets: a table of links, images, styles and variables."""
    head = "<html><head><style>td{font-family:Arial} a{color:red} .x{margin:0}</style></head><body><table>"
    rows, length, n = [head], len(head), 0
    while length < size:
        rows.append(_ROW.format(n=n))
        length, n = length + len(rows[-1]), n + 1
    return "".join([*rows, '</table><a href="{{ unsubscribe_url }}">Unsubscribe</a></body></html>'])


@dataclass
class Desk:
    """One draft that is open in the composer of somebody who is signed in."""

    client: PageClient
    path: str
    card: FormCard
    saves: int = 0

    def save(self) -> float:
        """Milliseconds of a save with other words than before; everything around the form is in the answer."""
        self.saves += 1
        body = self.card.values["body"].replace("some words", f"{self.saves} words", 1)
        sent = self.card.values | {"body": body, "keep": str(self.saves)}
        asked = EnvironBuilder(
            self.client.raw.application, f"{self.path}/-/save", method="POST", data=sent, headers=_HTMX
        )
        request = asked.get_request()  # what a browser does with a form is not in the answer's time
        began = clock()
        answer = self.client.raw.open(request)
        took = (clock() - began) * 1_000
        assert b"Saved now" in answer.data, answer.get_data(as_text=True)[:2000]
        return took

    def frame(self) -> float:
        """Milliseconds of the email itself, as the browser asks for it after a save."""
        return self._fetch(f"{self.path}/-/preview.html?v={self.saves}")

    def view(self, name: str) -> float:
        """Milliseconds of another view of what was just saved."""
        return self._fetch(f"{self.path}/-/preview?view={name}")

    def _fetch(self, address: str) -> float:
        began = clock()
        answer = self.client.raw.get(address)
        took = (clock() - began) * 1_000
        assert answer.status_code == 200, (address, answer.status_code)
        return took


def measure(rounds: int) -> Iterator[Measurement]:
    """P11: the 95th percentile of each answer, against the target."""
    print(f"P11  the preview of an email of {SIZE // 1024} KB, {rounds} rounds", flush=True)
    with desk() as open_desk:
        gc.freeze()  # as a web process does with what it has read in
        for _ in range(WARMING):
            open_desk.save()
            open_desk.frame()
        saves, frames = [], []
        for _ in range(rounds):
            pairs = [(open_desk.save(), open_desk.frame()) for _ in range(ANSWERS)]
            saves.append(_p95([save for save, _ in pairs]))
            frames.append(_p95([frame for _, frame in pairs]))
        yield Measurement("P11", "preview after a save, email of 100 KB: p95", "ms", saves, at_most=TARGET)
        yield Measurement("P11f", "its frame: p95", "ms", frames, at_most=TARGET)
        for number, name in enumerate(VIEWS, start=1):
            views = [_p95([open_desk.view(name) for _ in range(ANSWERS)]) for _ in range(rounds)]
            yield Measurement(f"P11.{number}", f"its view {name}: p95", "ms", views, at_most=TARGET)


@contextmanager
def desk() -> Iterator[Desk]:
    """An installation of its own, with an audience, and a draft that is open."""
    with TemporaryDirectory() as folder:
        settings = Settings(data_dir=Path(folder), workers=2, public_url="https://mail.acme.example")
        upgrade(settings.sqlalchemy_url)
        valkey = Valkey(settings)
        valkey.start()
        shop = Workshop.equip(settings)
        try:
            yield _open(shop)
        finally:
            shop.close()
            valkey.stop()


def _open(shop: Workshop) -> Desk:
    with shop.open(system()) as work:
        projects.create_project(work, "default", name="Acme")
        members.create_member(work, EMAIL, PASSWORD, role="admin", project_id="default", name="Olga")
    with shop.open(OLGA) as work:
        factories.make_provider(work)
        topic = factories.make_audience(work.session, PEOPLE)
        content = {"subject": "News", "preheader": "What happened", "format": "html", "body": newsletter(SIZE)}
        message = factories.make_message(work.session, content=content, audience={"topics": [topic.id]})
        path = f"/p/default/messages/{message.id}"
    client = PageClient(create_app(shop.settings, workshop=shop))
    client.sign_in(EMAIL, PASSWORD)
    page = client.get(f"{path}/edit")
    return Desk(client, path, page.form("#compose"))


def _p95(times: list[float]) -> float:
    return statistics.quantiles(times, n=20)[-1]
