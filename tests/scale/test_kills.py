"""Every part of two machines is killed while they send: nobody is lost, few get it twice, and those are marked."""

import time
from pathlib import Path

import httpx
import pytest
from sqlalchemy import text

from app.engine.machine import place_of
from tests.faults.storm import Auditor
from tests.faults.story import IN_FLIGHT, Office, write_message
from tests.faults.tree import Sink, wait_for
from tests.scale.cluster import Cluster, Machine

pytestmark = [pytest.mark.faults, pytest.mark.timeout(900)]  # on a busy machine it starts slowly

PEOPLE = 5_000
DELAY = 0.05  # seconds the sink takes for a mail
FILE = b"%PDF-1.4 " + bytes(range(256)) * 8
CONTENT = {"subject": "Autumn news", "preheader": "", "format": "markdown", "body": "Hello {{ name | there }}."}


@pytest.fixture(scope="module")
def key(cluster: Cluster, office: Office) -> str:
    """The secret of an API key, made on the second machine."""
    return cluster.bob.run("key", "create", "--project", "default", "--name", "Scale", "--scopes", "all")


@pytest.fixture(scope="module")
def attachment(cluster: Cluster, key: str) -> list[list[str]]:
    """A file that was given to the second machine; what a message's content calls it."""
    headers = {"X-Appwrite-Project": "default", "X-Appwrite-Key": key}
    with httpx.Client(base_url=f"{cluster.bob.address}/v1/storage/buckets", headers=headers, timeout=20) as program:
        assert program.post("", json={"bucketId": "b", "name": "Flyers"}).status_code == 201
        sent = program.post("/b/files", data={"fileId": "f"}, files={"file": ("flyer.pdf", FILE, "application/pdf")})
    assert sent.status_code == 201, sent.text
    return [["b", "f"]]


def write(office: Office, people: int, attachments: list[list[str]]) -> str:
    """A draft to that many people with these files; its id."""
    with office.shop.database.begin() as session:
        return str(write_message(session, people, content=CONTENT | {"attachments": attachments}).id)


def held(office: Office, machine: Machine) -> int:
    """How many deliveries the open batches of that machine hold: what nobody else can read a journal of."""
    processes = tuple(f":{pid}" for pid in machine.pids("worker"))
    with office.shop.database.read() as session:
        batches = session.execute(text("SELECT worker, size FROM batches WHERE state = 'open'")).all()
    return sum(size for worker, size in batches if worker.endswith(processes))


def in_doubt(cluster: Cluster) -> int:
    """How many deliveries may be uncertain at most, by what the tickers said that they took over.

    Of a worker's batch that is what was in flight, when its own machine took it over, and all of it otherwise.
    """
    total = 0
    for machine in cluster.machines:
        here = place_of(machine.folder)
        for lost in machine.taken_over():
            total += IN_FLIGHT if lost["worker"].startswith(f"{here}:") else lost["held"]
    return total


def kill_sender(office: Office, machine: Machine) -> None:
    """Kill a worker of that machine, rather one that holds a batch, and start another in its place."""
    wait_for(lambda: held(office, machine), f"a worker of {machine.folder.name} sends", 20)
    senders = set(office.senders())
    name = next((each for each in ("worker-0", "worker-1") if set(machine.pids(each)) & senders), "worker-0")
    machine.kill(name)
    machine.start(name)


def test_each_part_is_killed_in_turn_and_nobody_is_lost(
    cluster: Cluster, office: Office, sink: Sink, attachment: list[list[str]], tmp_path: Path
) -> None:
    ann, bob = cluster.machines
    sink.slow_down(DELAY)
    message, before = write(office, PEOPLE, attachment), sink.total()
    office.send(message)
    began = time.monotonic()

    def reach(total: int) -> None:
        wait_for(lambda: sink.total() - before >= total, f"{total} mails came", 180, step=0.005)

    with Auditor(office, message, tmp_path / "balance") as auditor:
        reach(300)
        kill_sender(office, ann)
        reach(800)
        bob.kill("ticker")
        reach(1_200)
        bob.start("ticker")
        ann.kill("web")
        reach(1_600)
        ann.start("web")
        cluster.queue.kill()
        time.sleep(1)
        cluster.queue.start()  # and it is empty
        reach(2_200)
        cluster.database.kill()
        cluster.database.start()
        reach(2_800)
        cluster.store.stop()
        kill_sender(office, ann)  # the new one has to read the attachment from the store
        time.sleep(2)
        cluster.store.start()
        reach(3_400)
        bob.kill_all()
        time.sleep(1)
        bob.start()  # in time to take over what it held itself, with what its journals say
        office.wait_until_settled(message, 240)
        seen = auditor.samples()
    for machine in cluster.machines:
        wait_for(machine.is_ready, f"{machine.folder.name} is ready again", 120)
    truth = office.truth(message)
    print(f"\ntwo machines, each part killed in turn, {time.monotonic() - began:.0f} s: {truth}")
    assert (truth.audience, truth.never, truth.unmarked) == (PEOPLE, 0, 0)
    assert truth.twice <= truth.uncertain <= in_doubt(cluster)
    assert len(seen) > 5
    assert [sample for sample in seen if not sample.is_balanced] == []
