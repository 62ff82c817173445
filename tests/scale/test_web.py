"""Whoever comes to one machine and goes on at another one finds nothing missing and nothing twice."""

import re
from collections.abc import Iterator
from datetime import timedelta
from io import BytesIO

import httpx
import pytest
from sqlalchemy import text

from app.domain.byte_ranges import CHUNK
from app.models.imports import Import
from app.services.people import imports
from app.services.team import memberships
from tests.faults.story import EMAIL, OLGA, PASSWORD, Office
from tests.faults.tree import wait_for
from tests.scale.cluster import Cluster, Machine

LARGE = bytes(range(256)) * (2 * CHUNK // 256) + b"the end"  # three chunks
ROWS = 6_000

pytestmark = pytest.mark.timeout(900)  # on a busy machine it starts slowly


@pytest.fixture
def browser() -> Iterator[httpx.Client]:
    """A browser, which sends its cookies to both machines as it would to a balancer in front of them."""
    with httpx.Client(timeout=30) as client:
        yield client


def csrf(page: httpx.Response) -> str:
    found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page.text)
    assert found, page.text
    return found[1]


def sign_in(browser: httpx.Client, shown_by: Machine, sent_to: Machine, password: str = PASSWORD) -> httpx.Response:
    page = browser.get(f"{shown_by.address}/sign-in")
    typed = {"email": EMAIL, "password": password, "csrf_token": csrf(page)}
    return browser.post(f"{sent_to.address}/sign-in", data=typed)


def test_a_session_and_the_token_of_a_form_hold_on_every_machine(
    cluster: Cluster, office: Office, browser: httpx.Client
) -> None:
    ann, bob = cluster.machines
    assert sign_in(browser, ann, bob).status_code in (302, 303)
    page = browser.get(f"{ann.address}/p/default/messages")
    assert page.status_code == 200
    assert browser.post(f"{bob.address}/sign-out", data={"csrf_token": csrf(page)}).status_code in (302, 303)
    assert browser.get(f"{ann.address}/p/default/messages").status_code in (302, 303), "signed out everywhere"


def test_tries_to_sign_in_are_counted_together(cluster: Cluster, office: Office, browser: httpx.Client) -> None:
    page = browser.get(f"{cluster.ann.address}/sign-in")
    typed = {"email": "eve@acme.example", "password": "guess", "csrf_token": csrf(page)}
    answers = [
        browser.post(f"{cluster.machines[number % 2].address}/sign-in", data=typed).status_code for number in range(12)
    ]
    assert answers.count(429) == 2, answers


def test_an_invitation_that_was_used_at_one_machine_is_used_up_at_the_other(
    cluster: Cluster, office: Office, browser: httpx.Client
) -> None:
    with office.shop.open(OLGA) as work:
        token = memberships.invite(work, "viewer")
    ann, bob = cluster.machines
    page = browser.get(f"{ann.address}/join/{token}")
    typed = {"email": "ed@acme.example", "name": "Ed", "password": PASSWORD, "csrf_token": csrf(page)}
    assert browser.post(f"{ann.address}/join/{token}", data=typed).status_code in (302, 303)
    browser.cookies.clear()
    assert "csrf_token" not in browser.get(f"{bob.address}/join/{token}").text


def test_the_chunks_of_a_file_may_come_to_either_machine(cluster: Cluster, office: Office) -> None:
    ann, bob = cluster.machines
    secret = ann.run("key", "create", "--project", "default", "--name", "Chunks", "--scopes", "all")
    with httpx.Client(headers={"X-Appwrite-Project": "default", "X-Appwrite-Key": secret}, timeout=30) as program:

        def send(number: int, machine: Machine) -> httpx.Response:
            start = (number - 1) * CHUNK
            part = LARGE[start : start + CHUNK]
            span = {"Content-Range": f"bytes {start}-{start + len(part) - 1}/{len(LARGE)}", "X-Appwrite-ID": "large"}
            return program.post(
                f"{machine.address}/v1/storage/buckets/chunks/files",
                data={"fileId": "large"}, files={"file": ("large.bin", part)}, headers=span,
            )  # fmt: skip

        made = program.post(f"{bob.address}/v1/storage/buckets", json={"bucketId": "chunks", "name": "Chunks"})
        assert made.status_code == 201, made.text
        answers = [send(1, ann), send(3, bob), send(2, ann)]
        assert [answer.is_success for answer in answers] == [True] * 3, [answer.text for answer in answers]
        got = program.get(f"{bob.address}/v1/storage/buckets/chunks/files/large/download")
        assert got.content == LARGE


def test_an_import_whose_machine_is_lost_is_gone_on_with_by_another_one(cluster: Cluster, office: Office) -> None:
    ann, bob = cluster.machines
    lines = "\n".join(f"import{number}@example.org,Row {number}" for number in range(ROWS))
    row = imports.upload(office.shop, OLGA, BytesIO(f"email,name\n{lines}\n".encode()), "people.csv")
    for name in ("worker-0", "worker-1"):
        bob.stop(name)
    with office.shop.open(OLGA) as work:
        columns = row.settings["columns"]
        imports.check_import(work, row.id, columns, separator=";", topics=[], existing="update")
    wait_for(lambda: _find(office, row).status == "mapped", "it was tried out", 60)
    with office.shop.open(OLGA) as work:
        imports.start_import(work, row.id)
    wait_for(lambda: _find(office, row).cursor, "it has begun", 60, step=0.005)
    for name in ("worker-0", "worker-1"):
        ann.kill(name)
    cursor = _find(office, row).cursor
    assert 0 < cursor < ROWS
    with office.shop.database.begin() as session:  # half a minute later
        back = timedelta(minutes=1).total_seconds() * 1000
        session.execute(text("UPDATE imports SET updated_at = updated_at - :back"), {"back": round(back)})
    bob.start("worker-0", "worker-1")
    wait_for(lambda: _find(office, row).status == "finished", "it is finished", 90)
    ann.start("worker-0", "worker-1")
    found = _find(office, row)
    assert (found.created_total, found.rejected_total) == (ROWS, 0)
    with office.shop.database.read() as session:
        made = session.scalar(text("SELECT count(*) FROM targets WHERE address_key LIKE 'import%@example.org'"))
    assert made == ROWS


def _find(office: Office, row: Import) -> Import:
    with office.shop.read(OLGA) as work:
        return imports.find_import(work, row.id)
