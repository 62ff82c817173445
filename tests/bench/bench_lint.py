"""Everybody in a draft's audience rendered in the background (P12): seconds from a save until all is known.

By one worker, this process, which nobody interrupts. The email of 100 KB is more than most people write.
"""

import gc
import time
from collections.abc import Iterator
from typing import Any

from sqlalchemy import text, update

from app.domain.permissions import system
from app.models.lints import Lint
from app.models.messages import Message
from app.models.topics import Topic
from app.services.previews import lint, lint_run
from app.services.work import Workshop
from tests.bench.bench_fanout import workshop_of_its_own
from tests.bench.bench_preview import newsletter
from tests.bench.measure import Measurement
from tests.faults.story import write_message

TARGET = 1.0  # seconds
_HELLO = "Hello {{ first_name | there }}, it rains in {{ city }}."
_LINES = "Some words of a newsletter that go on and on until the line is long enough. " * 10
CONTENTS: dict[str, tuple[str, dict[str, Any]]] = {
    "email of 10 KB": (
        "email", {"subject": "News from {{ city }}", "format": "markdown", "body": f"{_HELLO}\n\n{_LINES}\n\n" * 12}
    ),
    "email of 100 KB": ("email", {"subject": "News", "format": "html", "body": newsletter(100 * 1024)}),
    "SMS of two segments": ("sms", {"text": f"{_HELLO} " + "Take an umbrella with you. " * 5}),
    "push": ("push", {"title": "News from {{ city }}", "body": _HELLO, "data": {"city": "{{ city }}"}}),
}  # fmt: skip


def measure(people: int, rounds: int) -> Iterator[Measurement]:
    """P12: one line for each sort of content."""
    print(f"P12  {people:,} recipients looked at, {rounds} rounds", flush=True)
    gc.freeze()
    for place, (what, (channel, content)) in enumerate(CONTENTS.items()):
        with workshop_of_its_own() as shop:
            message = _write(shop, people, channel, content)
            took = [_seconds(shop, message, people) for _ in range(rounds)]
        name = f"P12{'bcd'[place - 1] if place else ''}"
        yield Measurement(name, f"{people:,} recipients of an {what} looked at", "s", took, at_most=TARGET)


def _write(shop: Workshop, people: int, channel: str, content: dict[str, Any]) -> Message:
    with shop.open(system(1)) as work:
        message = write_message(work.session, people, channel=channel, content=content)
        work.session.execute(update(Topic).values({f"{channel}_total": people}))
    return message


def _seconds(shop: Workshop, message: Message, people: int) -> float:
    with shop.open(system(1)) as work:
        work.session.execute(text("DELETE FROM lints"))
        lint.order(work, message)
    began = time.perf_counter()
    state = ""
    while state != "done":
        lint_run.run(shop, message.pk)
        with shop.read(system(1)) as work:
            row = work.session.get_one(Lint, message.pk)
        state = row.state
    took = time.perf_counter() - began
    assert row.checked == people, row.checked
    return took
