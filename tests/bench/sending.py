"""One send through a running office, timed by the ledger."""

import time

from app.engine import balance
from tests.faults.story import Office


def seconds_to_send(office: Office, message_id: str, people: int, *, most: float = 600) -> float:
    """From the service call to the moment the ledger says it ended; AssertionError unless everybody got it in time."""
    began = time.time()
    office.send(message_id)
    office.wait_until_settled(message_id, most)
    ended = office.message(message_id)
    assert ended.settled_at is not None
    with office.shop.database.read() as session:
        counts = balance.recount(session, ended.pk)
    assert counts["sent"] == people, counts
    return ended.settled_at.timestamp() - began
