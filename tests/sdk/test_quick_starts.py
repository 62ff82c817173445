"""The quick starts of docs/api.md, run as they stand there against a running instance and pretend services."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from appwrite.client import Client
from appwrite.services.messaging import Messaging
from appwrite.services.users import Users
from PIL import Image

from app.emulators.outbox import Outbox, outbox_path
from app.infra.processes import end_with_parent
from app.infra.settings import ROOT
from tests import needs
from tests.browser.conftest import start_browser
from tests.faults.tree import Tree, wait_for

PAGE = ROOT / "docs" / "api.md"
MODULES = ROOT / "tests" / "node_modules"
WRITTEN_ENDPOINT = "http://127.0.0.1:8025/v1"
PATIENCE = 90  # seconds for one script
_FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def code_of(title: str, language: str) -> str:
    """All blocks of that language under that heading, one after the other, as they stand in the document."""
    _, found, rest = PAGE.read_text().partition(f"\n{title}\n")
    section = re.split(r"^#{2,3} ", rest, maxsplit=1, flags=re.MULTILINE)[0]
    blocks = [code for written, code in _FENCE.findall(section) if written == language]
    assert found, f"docs/api.md has no heading {title!r}"
    assert blocks, f"docs/api.md has no {language} under {title!r}"
    return "\n".join(blocks)


@dataclass(frozen=True)
class Place:
    """A running instance whose providers are led to pretend services, and what those received."""

    tree: Tree
    services: Path
    announced: dict[str, Any]

    def open_project(self, name: str) -> str:
        """What the document says first, in a shell, for a project of that name; the secret that it prints last."""
        script = code_of("## Begin", "sh").replace("shop", name)
        settings = self.tree.settings.environment()
        path = os.pathsep.join([str(Path(sys.executable).parent), settings["PATH"]])
        said = run(["/bin/sh", "-eu", "-c", script], ROOT, settings | {"PATH": path})
        return said.splitlines()[-1]

    def fill(self, code: str, project: str, secret: str, **more: str) -> str:
        """The code with the values of this instance; nothing in angle brackets may be left."""
        values = {
            WRITTEN_ENDPOINT: f"{self.tree.address}/v1", "<PROJECT_ID>": project, "<API_KEY>": secret,
            "<SENDGRID_KEY>": f"SG.{project}", "<MAILGUN_KEY>": f"key-{project}", "<ACCOUNT_SID>": f"AC{'0' * 32}",
            "<AUTH_TOKEN>": f"token-{project}", "<DEVICE_TOKEN>": device_of(project),
        } | {f"<{name}>": value for name, value in more.items()}  # fmt: skip
        for written, value in values.items():
            code = code.replace(written, value)
        assert re.findall(r"<[A-Z_]+>", code) == []
        return code

    def furnish(self, folder: Path) -> None:
        """The files that the document's code reads from where it is run."""
        Image.new("RGB", (64, 48), "gold").save(folder / "summer.jpg")
        account = self.announced["fcm"]["values"]["serviceAccountJSON"]
        (folder / "service-account.json").write_text(json.dumps(account))

    def received(self, recipient: str, account: str | None = None) -> str:
        """The one thing that arrived there, as text."""
        outbox = Outbox(outbox_path(self.services))
        try:
            rows = [row for row in outbox.newest(500, account=account) if row.recipient == recipient]
            assert len(rows) == 1, f"{len(rows)} arrived for {recipient}"
            found = outbox.get(rows[0].id)
        finally:
            outbox.close()
        assert found is not None
        return f"{found.subject}\n{found.raw.decode(errors='replace')}"


def device_of(project: str) -> str:
    """A token as Firebase makes them, another one for each project."""
    return f"{project}-device:APA91b"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("quick")
    services = folder / "services"
    emulators = subprocess.Popen(
        [sys.executable, "-m", "app.emulators", "--data-dir", str(services)], cwd=ROOT,
        preexec_fn=end_with_parent,  # noqa: PLW1509 - one system call that takes no lock
    )  # fmt: skip
    told = services / "run" / "emulators.json"
    tree: Tree | None = None
    try:
        wait_for(told.exists, "the pretend services listen", 30)
        announced = json.loads(told.read_text())
        tree = Tree(folder / "tree", workers=1, provider_endpoints=dict(_endpoints(announced)))
        yield Place(tree.start(), services, announced)
    finally:
        if tree is not None:
            tree.kill_all()
        emulators.terminate()
        emulators.wait(10)


def _endpoints(announced: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for kind, said in announced.items():
        if said["url"].startswith("http"):
            yield kind, said["url"]
            yield from ((f"{kind}_{name}", url) for name, url in said.get("side_urls", {}).items())


def run(words: list[str], folder: Path, environment: dict[str, str] | None = None) -> str:
    """What the program printed; its complaints are shown when it fails."""
    done = subprocess.run(
        words, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=PATIENCE
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


def check_arrivals(place: Place, project: str, email_account: str) -> None:
    """Maria got one email with the picture, one SMS and one push, each with her name in it."""
    email = place.received("maria@example.org", email_account)
    assert "Summer is here, Maria" in email
    assert "Come and see, Maria!" in email
    assert "summer.jpg" in email
    assert "Summer is here, Maria." in place.received("+491701234567", f"token-{project}")
    push = place.received(device_of(project))
    assert "Come and see, Maria!" in push
    assert re.search(r"/v1/storage/buckets/[^/]+/files/[^/]+/push\?", push)


def test_the_quick_start_in_python_works(place: Place, tmp_path: Path) -> None:
    code = place.fill(code_of("### Python", "python"), "py", place.open_project("py"))
    place.furnish(tmp_path)
    (tmp_path / "start.py").write_text(code)
    said = run([sys.executable, "start.py"], tmp_path)
    for address in ("maria@example.org", "+491701234567", device_of("py")):
        assert f"{address} sent" in said
    check_arrivals(place, "py", "py")


@pytest.mark.needs("node", "official SDKs")
def test_the_quick_start_in_node_works(place: Place, tmp_path: Path) -> None:
    code = place.fill(code_of("### Node", "js"), "node", place.open_project("node"))
    place.furnish(tmp_path)
    (tmp_path / "start.mjs").write_text(code)
    (tmp_path / "node_modules").mkdir()
    (tmp_path / "node_modules" / "node-appwrite").symlink_to(MODULES / "node-appwrite-27")
    said = run([needs.find_program("node") or "node", "start.mjs"], tmp_path)
    for address in ("maria@example.org", "+491701234567", device_of("node")):
        assert f"{address} sent" in said
    check_arrivals(place, "node", "key-node")


@pytest.mark.needs("curl")
def test_the_quick_start_with_curl_works(place: Place, tmp_path: Path) -> None:
    written = code_of("### curl", "sh") + code_of("## Beyond the reference", "sh")
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).isoformat(timespec="milliseconds")
    code = place.fill(written, "curl", place.open_project("curl"), MOMENT=tomorrow)
    place.furnish(tmp_path)
    said = run(["/bin/sh", "-eu", "-c", code], tmp_path)
    watched, _, beyond = said.partition('"encoding":"GSM-7"')
    assert watched.count('"state":"sent"') == 3
    assert beyond.count('"state":"sent"') == 1  # that of the email
    assert '"identifier":"nobody@example.org"' in beyond
    check_arrivals(place, "curl", "key-curl")


@pytest.mark.browser
@pytest.mark.needs("official SDKs")
def test_the_web_sdk_signs_in_as_the_document_says(place: Place, tmp_path: Path) -> None:
    secret = place.open_project("web")
    program = Client().set_endpoint(f"{place.tree.address}/v1").set_project("web").set_key(secret)
    topic = Messaging(program).create_topic("open", "Open", subscribe=["users"])
    code = place.fill(code_of("### The web SDK: as a contact", "js"), "web", secret, TOPIC_ID=topic.id)
    _put_page(tmp_path, code)
    with _Pages(tmp_path) as address:
        person = start_browser(address)
        try:
            person.driver.get(address)
            wait_for(lambda: person.driver.title, "the page has done its work", 30, step=0.1)
            assert person.driver.title == "done", person.driver.title
        finally:
            person.driver.quit()
    found = Users(program).list(search="noah@example.org").users[0]
    assert {target.providertype for target in found.targets} == {"email", "push"}
    assert Messaging(program).get_topic(topic.id).emailtotal == 1


@pytest.mark.needs("curl")
def test_a_contact_signs_in_with_curl_as_the_document_says(place: Place, tmp_path: Path) -> None:
    secret = place.open_project("jar")
    program = Client().set_endpoint(f"{place.tree.address}/v1").set_project("jar").set_key(secret)
    Users(program).create("maria", email="maria@example.org", password="a few words of hers")
    said = run(["/bin/sh", "-eu", "-c", place.fill(code_of("## Users who sign in", "sh"), "jar", secret)], tmp_path)
    assert '"email":"maria@example.org"' in said


def _put_page(folder: Path, code: str) -> None:
    """A page that runs the code with the SDK's own file; its title tells how it ended."""
    (folder / "sdk.js").write_bytes((MODULES / "appwrite" / "dist" / "iife" / "sdk.js").read_bytes())
    body = re.sub(r'^import (\{.*?\}) from "appwrite";', r"const \1 = Appwrite;", code, flags=re.MULTILINE)
    assert body != code
    script = f"(async () => {{\n{body}\n}})().then(() => 'done', String).then((word) => {{ document.title = word; }});"
    (folder / "index.html").write_text(
        f"<!doctype html><meta charset=utf-8><title></title><script src=sdk.js></script><script>\n{script}\n</script>"
    )


class _Pages:
    """A web server for the files of a folder, on another port of this machine than the API."""

    def __init__(self, folder: Path) -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder)))
        self._thread = Thread(target=self._server.serve_forever, args=(0.05,))

    def __enter__(self) -> str:
        self._thread.start()
        return f"http://127.0.0.1:{self._server.server_port}/index.html"

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Quiet(SimpleHTTPRequestHandler):
    """Serves files and writes no log."""

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""
