"""Messages with a place on the calendar, for tests about it."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from app.models.deliveries import Tally
from app.models.messages import Message
from app.services.work import Work
from tests.conftest import START
from tests.factories import make_message

BERLIN = ZoneInfo("Europe/Berlin")
TUESDAY = datetime(2026, 11, 24, 8, tzinfo=UTC)  # 09:00 in Berlin
HOUR = timedelta(hours=1)


def schedule(work: Work, at: datetime = TUESDAY, *, title: str = "News", topic: str = "", **columns: Any) -> Message:
    """A message that is due then, to that topic."""
    wall = f"{at.astimezone(BERLIN):%Y-%m-%dT%H:%M}"
    columns = {"status": "scheduled", "scheduled_zone": "Europe/Berlin", "scheduled_wall": wall} | columns
    return make_message(
        work.session, subject=title, audience={"topics": [topic] if topic else []}, scheduled_at=at, **columns
    )


def start(work: Work, at: datetime, *, audience: int = 0, left: int = 0, topic: str = "", **columns: Any) -> Message:
    """A message that began then."""
    columns = {"status": "sent", "settled_at": at + timedelta(minutes=5)} | columns
    message = make_message(
        work.session, subject="Old news", audience={"topics": [topic] if topic else []}, started_at=at, **columns
    )
    work.session.add(
        Tally(message_pk=message.pk, audience=audience, queued=left, sent=audience - left, updated_at=START)
    )
    return message
