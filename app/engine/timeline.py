"""The timeline of a message: one line for each thing that happened to it."""

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from app.models.messages import MessageEvent


def note(session: Session, message_pk: int, event: str, now: datetime, *, by: str = "", **details: Any) -> None:
    """Write one line, in the transaction of what it tells."""
    session.add(MessageEvent(message_pk=message_pk, at=now, event=event, actor_name=by[:320], details=details))
