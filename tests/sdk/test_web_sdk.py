"""The official web SDK 27, unmodified, in a real Chromium, from pages of somebody else: with cookies and without."""

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from appwrite.permission import Permission
from appwrite.role import Role
from appwrite.services.messaging import Messaging
from appwrite.services.storage import Storage

from tests import needs
from tests.browser.conftest import start_browser
from tests.browser.person import Person
from tests.sdk.absent import absent_methods
from tests.sdk.calls import check_calls
from tests.sdk.conftest import Access, Installation
from tests.sdk.test_node_sdk import plain, run_node

WEB = needs.TESTS / "sdk" / "web"
SDK = needs.NODE_MODULES / "appwrite" / "dist" / "iife" / "sdk.js"
LEAVING = ("createOAuth2Session", "createOAuth2Token")  # they leave the page for another
RUN = """
const [file, visit, spots, done] = arguments;
import(file).then((found) => found[visit](spots)).then((notes) => done({ notes }),
  (error) => done({ error: `${error.stack ?? error}\\n${error.response ?? ""}` }));
"""

pytestmark = [pytest.mark.browser, pytest.mark.needs("node", "official SDKs")]


class _Pages(SimpleHTTPRequestHandler):
    """The files of tests/sdk/web, and the SDK's own file."""

    def guess_type(self, path: Any) -> str:
        """Scripts that no list of types knows."""
        return "text/javascript" if str(path).endswith(".mjs") else super().guess_type(path)

    def translate_path(self, path: str) -> str:
        return str(SDK) if path == "/sdk.js" else super().translate_path(path)

    def log_message(self, format: str, *given: Any) -> None:
        """It prints nothing."""


@dataclass(frozen=True)
class Visits:
    """What the pages noted: each call, each answer, and how the visits ended."""

    called: list[str]
    answers: list[dict[str, Any]]
    errors: dict[str, str]
    landed: dict[str, tuple[str, str]]  # where those that leave the page led to: address and text


@pytest.fixture(scope="module")
def page_port() -> Iterator[int]:
    """A web server of somebody else."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Pages, directory=str(WEB)))
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield server.server_port
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(scope="module")
def visits(installation: Installation, page_port: int) -> Visits:
    access = installation.open_project("web")
    _furnish(access)
    spots = {"endpoint": access.endpoint, "project": access.project, "topicId": "news", "bucketId": "pictures"}
    person = start_browser(f"http://127.0.0.1:{page_port}")
    made = Visits([], [], {}, {})
    try:
        person.driver.set_script_timeout(60)
        _visit(person, made, "/visit.mjs", "visit", spots)
        for method in LEAVING:
            made.landed[method] = _leave(person, method, spots)
        person.url = f"http://localhost:{page_port}"
        _visit(person, made, "/elsewhere.mjs", "visitElsewhere", spots)
    finally:
        person.driver.quit()
    return made


def _furnish(access: Access) -> None:
    """What the program behind the pages has made: a topic for whoever is signed in, one for the staff, a bucket."""
    messaging = Messaging(access.client())
    messaging.create_topic("news", "News", subscribe=[Role.users()])
    messaging.create_topic("staff", "Staff", subscribe=[Role.label("staff")])
    Storage(access.client()).create_bucket(
        "pictures", "Pictures", permissions=[Permission.create(Role.users())], file_security=True
    )


def _visit(person: Person, made: Visits, file: str, visit: str, spots: dict[str, str]) -> None:
    person.open("/")
    found = person.driver.execute_async_script(RUN, file, visit, spots)
    if "error" in found:
        made.errors[visit] = found["error"]
        return
    made.called.extend(found["notes"]["called"])
    made.answers.extend(found["notes"]["answers"])


def _leave(person: Person, method: str, spots: dict[str, str]) -> tuple[str, str]:
    person.open("/")
    person.driver.execute_script(
        "const [method, spots] = arguments; const { Client, Account } = Appwrite;"
        "const client = new Client().setEndpoint(spots.endpoint).setProject(spots.project);"
        "new Account(client)[method]({ provider: 'github' });",
        method, spots,
    )  # fmt: skip
    person.see("code")
    return person.driver.current_url, person.text()


@pytest.mark.parametrize("visit", ["visit", "visitElsewhere"])
def test_a_visit_goes_well(visits: Visits, visit: str) -> None:
    if error := visits.errors.get(visit):
        pytest.fail(error, pytrace=False)


def test_every_method_was_called_and_every_answer_has_its_declared_shape(visits: Visits) -> None:
    checked = run_node("check.mjs", "appwrite", said=json.dumps(visits.answers))
    assert checked["complaints"] == []
    assert sorted({*visits.called, *(f"account.{method}" for method in visits.landed)}) == sorted(checked["methods"])


@pytest.mark.parametrize("method", LEAVING)
def test_signing_in_through_another_service_ends_at_a_plain_refusal(visits: Visits, method: str) -> None:
    address, text = visits.landed[method]
    assert "/oauth2/github" in address
    assert json.loads(text)["type"] == "general_route_not_found"


def test_what_a_page_cannot_have_is_what_the_document_says(visits: Visits) -> None:
    documented = {plain(name) for name in absent_methods()}
    answered = {f"{each['service']}.{each['method']}" for each in visits.answers}
    assert {name for name in visits.called if name not in answered and plain(name) not in documented} == set()


def test_the_operations_it_exercises_are_on_file(visits: Visits, installation: Installation) -> None:
    exchanges = installation.relay.exchanges("Web")
    (version,) = {each.version for each in exchanges} - {""}
    assert not visits.errors
    check_calls("web-27", "Web", version, exchanges)
