"""May anything be sent now? The one answer for whoever starts a message, claims deliveries or looks at the schedule.

Whatever stops more than one message says so here: the fence of a restored installation, the stop of a project.
"""

from sqlalchemy import ColumnElement, exists, select
from sqlalchemy.orm import Session

from app.domain.errors import Conflict
from app.models.installation import Installation
from app.models.messages import Message
from app.models.projects import Project

FENCED = (
    "Nothing is sent, because this installation was restored or copied. "
    "An admin looks at what is left and confirms first."
)


def is_open() -> ColumnElement[bool]:
    """A condition for statements about messages: nothing stops all sending. Costs a look at one row."""
    return _has_no_fence()


def _has_no_fence() -> ColumnElement[bool]:
    return ~exists(select(Installation.pk).where(Installation.fenced_at.is_not(None)))


def is_running() -> ColumnElement[bool]:
    """A condition for statements about messages: nobody stopped all sending of the message's project."""
    stopped = select(Project.pk).where(Project.pk == Message.project_pk, Project.stopped_at.is_not(None))
    return ~exists(stopped.correlate(Message))


def is_fenced(session: Session) -> bool:
    """Whether a person must confirm that this database is the installation, before anything of it is sent."""
    return bool(session.scalar(select(~_has_no_fence())))


def require_open(session: Session) -> None:
    """Go on only when a message may be started now. Raises Conflict, whose sentence says what stands in the way."""
    if is_fenced(session):
        raise Conflict(FENCED)
