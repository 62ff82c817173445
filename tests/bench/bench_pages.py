"""Pages of the dashboard over ten million deliveries (P6), against the same over a thousand and over a million.

Each page is made by the whole application in this process, as a member who is signed in asks for it, with other words,
addresses and places in the list each time. The three databases are asked in turn.
"""

import gc
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from flask.testing import FlaskClient
from sqlalchemy import text

from app.domain.permissions import system
from app.factory import create_app
from app.infra.settings import Settings
from app.infra.valkey import Valkey
from app.migrations import upgrade
from app.services.team import members, projects
from app.services.work import Workshop
from tests import factories, postgres
from tests.bench.long_history import DAYS, NEWSLETTERS, Size, fill
from tests.bench.long_writing import PLANNED
from tests.bench.measure import Measurement
from tests.faults.story import EMAIL, OLGA, PASSWORD
from tests.web.page_client import PageClient

FETCHES = 40  # of each page in each round
WARMING = 5
clock = time.perf_counter
TOKEN = "of-the-bench-that-looks-at-the-metrics"
SMALL, TENTH, WHOLE = Size(1_000, 100), Size(100_000, 10_000), Size(1_000_000, 100_000)
_EDGES = "SELECT min(d.pk), max(d.pk) FROM deliveries d JOIN messages m ON m.pk = d.message_pk WHERE m.id = :id"
FINISHED, UNDER_WAY = "newsletter3", f"newsletter{NEWSLETTERS - 1}"


@dataclass(frozen=True)
class Ground:
    """One installation with a past, and somebody who is signed in. `first` and `last` number the running deliveries."""

    client: FlaskClient
    size: Size
    providers: tuple[str, ...]
    first: int
    last: int
    today: date

    def seconds(self, path: str) -> float:
        """How long one page takes; AssertionError when it is not there."""
        address, headers = (
            (path, {"Authorization": f"Bearer {TOKEN}"}) if path == "/metrics" else (f"/p/default{path}", {})
        )
        began = clock()
        answer = self.client.get(address, headers=headers)
        took = clock() - began
        assert answer.status_code == 200, (path, answer.status_code, answer.get_data(as_text=True))
        return took

    def person(self, dice: Random) -> int:
        """The number of anybody."""
        return dice.randrange(self.size.people)

    def day(self, dice: Random) -> date:
        """One of the days of its past."""
        return self.today - timedelta(days=dice.randrange(DAYS))


Address = Callable[[Ground, Random], str]
_RUNNING, _PAST = f"/messages/{UNDER_WAY}", f"/messages/{FINISHED}"
PAGES: dict[str, Address] = {
    "home": lambda _ground, _dice: "",
    "messages": lambda _ground, _dice: "/messages",
    "messages, far back": lambda ground, dice: f"/messages?after={dice.randint(60, ground.size.messages)}",
    "messages that failed": lambda _ground, _dice: "/messages?phase=failed",
    "messages that are sent now": lambda _ground, _dice: "/messages?phase=sending",
    "messages searched": lambda ground, dice: f"/messages?q=order+{dice.randint(1, ground.size.messages)}",
    "messages searched in vain": lambda _ground, _dice: "/messages?q=nothing",
    "message under way": lambda _ground, _dice: _RUNNING,
    "message under way, its numbers": lambda _ground, _dice: f"{_RUNNING}/-/progress",
    "message of the past": lambda _ground, _dice: _PAST,
    "recipients, far on": lambda ground, dice: f"{_RUNNING}?after={dice.randint(ground.first, ground.last)}",
    "recipients by address": lambda ground, dice: f"{_PAST}?q=c{ground.person(dice)}",
    "recipients, queued": lambda _ground, _dice: f"{_RUNNING}?state=queued",
    "recipients, failed": lambda _ground, _dice: f"{_PAST}?state=failed",
    "recipients, sent, by address": lambda ground, dice: f"{_PAST}?state=sent&q=c{ground.person(dice) % 9 + 1}",
    "recipients, failed, by address": lambda _ground, _dice: f"{_PAST}?state=failed&q=c",
    "recipients by reason": lambda _ground, _dice: f"{_PAST}?reason=mailbox_full",
    "recipients by provider": lambda ground, dice: f"{_PAST}?provider={dice.choice(ground.providers[:2])}",
    "recipients by provider of none": lambda ground, _dice: f"{_PAST}?provider={ground.providers[2]}",
    "deliveries": lambda _ground, _dice: "/deliveries",
    "deliveries, far back": lambda ground, dice: f"/deliveries?after={dice.randint(60, ground.size.deliveries)}",
    "deliveries of one address": lambda ground, dice: f"/deliveries?q=c{ground.person(dice)}@example.org",
    "deliveries by address": lambda ground, dice: f"/deliveries?q=c{ground.person(dice) % 100}",
    "deliveries that failed": lambda _ground, _dice: "/deliveries?state=failed",
    "deliveries that are uncertain": lambda _ground, _dice: "/deliveries?state=uncertain",
    "deliveries that bounced": lambda _ground, _dice: "/deliveries?state=bounced",
    "deliveries that are queued": lambda _ground, _dice: "/deliveries?state=queued",
    "deliveries that are delivered": lambda _ground, _dice: "/deliveries?state=delivered",
    "deliveries that are on the wire": lambda _ground, _dice: "/deliveries?state=sending",
    "deliveries by reason": lambda _ground, _dice: "/deliveries?reason=mailbox_full",
    "deliveries by reason of none": lambda _ground, _dice: "/deliveries?reason=content_refused",
    "deliveries by provider": lambda ground, dice: f"/deliveries?provider={dice.choice(ground.providers[:2])}",
    "deliveries by channel of none": lambda _ground, _dice: "/deliveries?channel=sms",
    "deliveries that failed, by address": lambda ground, dice: (
        f"/deliveries?state=failed&q=c{ground.person(dice) % 100}"
    ),
    "deliveries that failed today": lambda _ground, _dice: "/deliveries?state=failed&time=day",
    "deliveries of the last hour": lambda _ground, _dice: "/deliveries?time=hour",
    "one delivery": lambda ground, dice: f"/deliveries/{dice.randint(1, ground.size.deliveries)}",
    "contacts": lambda _ground, _dice: "/contacts",
    "contacts, far back": lambda ground, dice: f"/contacts?after={dice.randint(60, ground.size.people)}",
    "contacts by name": lambda _ground, dice: f"/contacts?q=ada+last{dice.randint(1, 9)}",
    "contacts by address": lambda ground, dice: f"/contacts?q=c{ground.person(dice)}@example.org",
    "contacts by beginnings": lambda _ground, dice: f"/contacts?q=c{dice.randint(1, 9)}",
    "contacts searched in vain": lambda _ground, _dice: "/contacts?q=nobody",
    "contacts of a topic": lambda _ground, _dice: "/contacts?topic=all",
    "contacts of a topic, searched": lambda _ground, _dice: "/contacts?topic=all&q=ada",
    "contacts of a topic, by phone": lambda _ground, _dice: "/contacts?topic=all&channel=sms",
    "contacts of a small topic": lambda _ground, _dice: "/contacts?topic=few",
    "contacts of a small topic, searched": lambda _ground, _dice: "/contacts?topic=few&q=a",
    "contacts with a phone": lambda _ground, _dice: "/contacts?channel=sms",
    "contacts with a phone, searched": lambda _ground, _dice: "/contacts?channel=sms&q=ada",
    "one contact": lambda ground, dice: f"/contacts/c{ground.person(dice)}",
    "topics": lambda _ground, _dice: "/topics",
    "one topic": lambda _ground, _dice: "/topics/all",
    "providers": lambda _ground, _dice: "/providers",
    "one provider": lambda ground, dice: f"/providers/{dice.choice(ground.providers[:2])}",
    "calendar, month": lambda _ground, _dice: "/calendar?view=month",
    "calendar, week": lambda _ground, _dice: "/calendar?view=week",
    "calendar, day": lambda _ground, _dice: "/calendar?view=day",
    "calendar, agenda": lambda _ground, _dice: "/calendar?view=agenda",
    "calendar, month of the past": lambda ground, dice: f"/calendar?view=month&date={ground.day(dice)}",
    "calendar, week of the past": lambda ground, dice: f"/calendar?view=week&date={ground.day(dice)}",
    "calendar, day of the past": lambda ground, dice: f"/calendar?view=day&date={ground.day(dice)}",
    "calendar, agenda of the past": lambda ground, dice: f"/calendar?view=agenda&date={ground.day(dice)}",
    "calendar of a channel": lambda ground, dice: f"/calendar?view=month&channel=email&date={ground.day(dice)}",
    "buckets": lambda _ground, _dice: "/files",
    "files": lambda _ground, _dice: "/files/pictures",
    "files by name": lambda _ground, _dice: "/files/pictures?sort=name",
    "files by size": lambda _ground, _dice: "/files/pictures?sort=size",
    "files of one kind": lambda _ground, _dice: "/files/pictures?kind=document",
    "files searched": lambda ground, dice: f"/files/pictures?q=leaf+{ground.person(dice)}",
    "files searched in vain": lambda _ground, _dice: "/files/pictures?q=nothing",
    "one file": lambda ground, dice: f"/files/pictures/f/f{ground.person(dice)}",
    "one file that many use": lambda _ground, _dice: "/files/pictures/f/f0",
    "templates": lambda _ground, _dice: "/templates",
    "templates of a channel": lambda _ground, _dice: "/templates?channel=sms",
    "templates searched": lambda ground, dice: f"/templates?q=layout+{dice.randrange(ground.size.templates)}",
    "one template": lambda ground, dice: f"/templates/template{dice.randrange(1, ground.size.templates)}",
    "one template that many use": lambda _ground, _dice: "/templates/template0",
    "versions of a template": lambda _ground, _dice: "/templates/template0/versions",
    "messages of a template": lambda _ground, _dice: "/templates/template0/messages",
    "new message": lambda _ground, _dice: "/messages/new",
    "a planned message": lambda _ground, dice: f"/messages/plan{dice.randrange(PLANNED)}",
    "composer": lambda _ground, _dice: "/messages/draft/edit",
    "composer, files to choose from": lambda _ground, _dice: "/messages/draft/files?bucket=pictures",
    "composer, what everybody gets": lambda _ground, _dice: "/messages/draft/-/lint",
    "composer, people of a finding": lambda _ground, _dice: "/messages/draft/lint?found=missing:city",
    "metrics": lambda _ground, _dice: "/metrics",
}


def measure(rounds: int, *, on_postgresql: bool = False) -> Iterator[Measurement]:
    """P6: each page's 95th percentile, ratios to the same page over a thousand deliveries; and what ten times costs."""
    print(f"P6   {len(PAGES)} pages over {WHOLE.deliveries:,} deliveries, {rounds} rounds", flush=True)
    with ExitStack() as stack:
        server = stack.enter_context(postgres.server()) if on_postgresql else None
        small, tenth, whole = (stack.enter_context(ground_of(size, server)) for size in (SMALL, TENTH, WHOLE))
        yield from compare(small, tenth, whole, rounds)


def compare(small: Ground, tenth: Ground, whole: Ground, rounds: int) -> Iterator[Measurement]:
    """The lines of the table: one for each page, the slowest page, and all pages over ten times the history."""
    gc.freeze()  # as a web process does with what it has read in
    worst: dict[str, float] = {}
    typical = [[0.0, 0.0] for _ in range(rounds)]  # all pages together over a tenth and over the whole, each round
    for number, page in enumerate(PAGES, start=1):
        _times(page, (small, tenth, whole), 0, WARMING)
        turns = [_times(page, (small, tenth, whole), turn, FETCHES) for turn in range(1, rounds + 1)]
        ours, few = [_p95(each[2]) for each in turns], [_p95(each[0]) for each in turns]
        for sums, each in zip(typical, turns, strict=True):
            sums[0], sums[1] = sums[0] + statistics.median(each[1]), sums[1] + statistics.median(each[2])
        worst[page] = statistics.median(ours)
        ratios = [mine / theirs for mine, theirs in zip(ours, few, strict=True)]
        yield Measurement(f"P6.{number}", f"{page}: p95", "ms", ours, few, ratios, at_most=2.0)
    slowest = max(worst, key=worst.__getitem__)
    yield Measurement("P6s", f"slowest page: {slowest}: p95", "ms", [worst[slowest]], at_most=100)
    tenths, wholes = [each[0] for each in typical], [each[1] for each in typical]
    ratios = [each[1] / each[0] for each in typical]
    yield Measurement("P6h", "all pages, 10 times the history", "ms", wholes, tenths, ratios, at_most=1.1)


def _times(page: str, grounds: Sequence[Ground], turn: int, fetches: int) -> list[list[float]]:
    """Milliseconds of that many fetches of a page on each ground, which are asked in turn."""
    found: list[list[float]] = [[] for _ in grounds]
    dice = [Random(f"{page} {turn}") for _ in grounds]
    for _ in range(fetches):
        for place, ground in enumerate(grounds):
            found[place].append(ground.seconds(PAGES[page](ground, dice[place])) * 1_000)
    return found


def _p95(times: Sequence[float]) -> float:
    return statistics.quantiles(times, n=20)[-1]


@contextmanager
def ground_of(size: Size, server: postgres.Server | None) -> Iterator[Ground]:
    """An installation of its own that is filled, on SQLite or that server."""
    with TemporaryDirectory() as folder:
        url = "" if server is None else server.new_database()
        settings = Settings(data_dir=Path(folder), database_url=url, workers=2, metrics_token=TOKEN)
        if server is None:
            upgrade(settings.sqlalchemy_url)
        with furnished(settings, size) as ground:
            yield ground


@contextmanager
def furnished(settings: Settings, size: Size) -> Iterator[Ground]:
    """The installation of these settings, with its past unless it has one, and its queue running."""
    valkey = Valkey(settings)
    valkey.start()
    shop = Workshop.equip(settings)
    try:
        if not _has_past(shop):
            _furnish(shop, size)
        yield _ground(shop, size)
    finally:
        shop.close()
        valkey.stop()


def _has_past(shop: Workshop) -> bool:
    with shop.database.read() as session:
        return bool(session.scalar(text("SELECT max(pk) FROM deliveries")))


def _furnish(shop: Workshop, size: Size) -> None:
    began = time.monotonic()
    with shop.open(system()) as work:
        projects.create_project(work, "default", name="Acme")
        members.create_member(work, EMAIL, PASSWORD, role="admin", project_id="default", name="Olga")
    with shop.open(OLGA) as work:
        factories.make_provider(work, name="One")
        factories.make_provider(work, name="Two")
        factories.make_provider(work, name="Spare")
    fill(shop, size, datetime.now(UTC))
    print(f"P6   {size.deliveries:,} deliveries made in {time.monotonic() - began:.0f} s", flush=True)


def _ground(shop: Workshop, size: Size) -> Ground:
    client = PageClient(create_app(shop.settings, workshop=shop))
    client.sign_in(EMAIL, PASSWORD)
    return look_at(shop, client.raw, size)


def look_at(shop: Workshop, client: FlaskClient, size: Size) -> Ground:
    """The ground that such a client stands on, in a project that was filled."""
    with shop.database.read() as session:
        first, last = session.execute(text(_EDGES), {"id": UNDER_WAY}).one()
        ids = tuple(session.scalars(text("SELECT id FROM providers ORDER BY pk")))
    return Ground(client, size, ids, first, last, shop.clock.now().date())
