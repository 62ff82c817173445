"""A whole Carillon of its own, and real Chromiums to look at it with."""

import os
import re
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from random import sample
from typing import Any

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service

from app.domain.permissions import Role, system
from app.infra.settings import Settings
from app.services.story import demo as story
from app.services.team import members, projects
from app.services.work import Workshop
from tests import needs
from tests.browser.person import Person

ROOT = Path(__file__).resolve().parents[2]
PASSWORD = "correct horse battery"  # of everybody who signs in
QUIET = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-dev-shm-usage",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--hide-scrollbars",
)  # fmt: skip


class House:
    """`make run` on an empty data dir, as a newcomer starts it."""

    def __init__(self, folder: Path, database: Path | None = None) -> None:
        """Starts it; `database` is an empty one for it, which saves the seconds that making one takes."""
        self.folder = folder
        if database:
            (folder / "data").mkdir(mode=0o700)
            shutil.copy(database, folder / "data" / "carillon.sqlite3")
        self.url = f"http://127.0.0.1:{_free_port()}"
        self.log = folder / "up.log"
        where = {"CARILLON_PORT": self.url.rpartition(":")[2], "CARILLON_DATA_DIR": str(folder / "data")}
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                ["make", "run"], cwd=ROOT, stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
                env=os.environ | where | {"CARILLON_WORKERS": "1"},
            )  # fmt: skip

    def first_address(self) -> str:
        """The one-time address that it prints."""
        end = time.monotonic() + 60
        while time.monotonic() < end and self.process.poll() is None:
            if found := re.search(r"http://\S+/start/\S+", self.log.read_text(errors="replace")):
                return found.group()
            time.sleep(0.1)
        pytest.fail(f"No one-time address was printed:\n{self.log.read_text(errors='replace')[-3000:]}")

    def stop(self) -> None:
        os.killpg(self.process.pid, signal.SIGTERM)
        self.process.wait(20)


def _free_port() -> int:
    """Below those that Linux gives to outgoing connections, so that it is still free when the house has started."""
    for port in sample(range(20_000, 32_000), 50):
        with suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            return port
    pytest.fail("No port is free.")


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """A Carillon nobody has signed in to yet."""
    house = House(tmp_path)
    yield house
    house.stop()


@pytest.fixture(scope="module")
def full_house(tmp_path_factory: pytest.TempPathFactory, empty_database: Path) -> Iterator[House]:
    """One that several tests share; the first of them makes the member."""
    house = House(tmp_path_factory.mktemp("house"), empty_database)
    yield house
    house.stop()


@dataclass(frozen=True)
class Home:
    """A new, empty project in a house that many tests share, and its admin, who has no other."""

    url: str
    project: str
    folder: Path  # the house's

    @property
    def email(self) -> str:
        return f"ann@{self.project}.example"


@pytest.fixture(scope="session")
def make_home(tmp_path_factory: pytest.TempPathFactory, empty_database: Path) -> Iterator[Callable[..., Home]]:
    """Makes a home in the one house that all tests of this process share: `make_home(demo=True)` adds the story."""
    house = House(tmp_path_factory.mktemp("homes"), empty_database)
    house.first_address()
    workshop = Workshop.equip(Settings(data_dir=house.folder / "data"))
    numbers = count(1)

    def make(*, demo: bool = False) -> Home:
        home = Home(house.url, f"home{next(numbers)}", house.folder)
        with workshop.open(system()) as work:
            project = projects.create_project(work, home.project, name="Bells")
            members.create_member(
                work, home.email, PASSWORD, role=Role.ADMIN.value, project_id=home.project, name="Ann Archer"
            )
            pk = project.pk
        if demo:
            with workshop.open(system(pk)) as work:
                story.add(work)
        return home

    yield make
    workshop.close()
    house.stop()


@pytest.fixture
def home(make_home: Callable[..., Home]) -> Home:
    """A project of its own for one test."""
    return make_home()


@pytest.fixture
def open_browser() -> Iterator[Callable[..., Person]]:
    """Somebody before a screen: `open_browser(house.url, scripts=False, width=360, dark=True)`."""
    people: list[Person] = []

    def open_one(url: str, *, scripts: bool = True, width: int = 1440, height: int = 900, dark: bool = False) -> Person:
        people.append(start_browser(url, scripts=scripts, width=width, height=height, dark=dark))
        return people[-1]

    yield open_one
    for person in people:
        person.driver.quit()


def start_browser(
    url: str, *, scripts: bool = True, width: int = 1440, height: int = 900, dark: bool = False
) -> Person:
    """A Chromium with an empty profile and exactly that many pixels."""
    options = Options()
    options.binary_location = needs.find_chromium() or ""
    for argument in QUIET:
        options.add_argument(argument)
    preferences: dict[str, Any] = {"profile.password_manager_enabled": False, "credentials_enable_service": False}
    if not scripts:
        preferences["profile.managed_default_content_settings.javascript"] = 2
    options.add_experimental_option("prefs", preferences)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(needs.find_program("chromedriver")))
    size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    scheme = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": scheme})
    return Person(driver, url, has_scripts=scripts)
