"""What one look at the database has learned already: the parts of a page ask for the same again and again."""

from collections.abc import Callable, Hashable
from typing import Any, TypeVar, cast

from sqlalchemy.orm import Session

Answer = TypeVar("Answer")
LEARNED = "learned"  # of `Session.info`: there in sessions that only read


def once(session: Session, key: Hashable, ask: Callable[[], Answer]) -> Answer:
    """What `ask` answers. A session that only reads asks it once for each key, for nothing changes under it.

    A session that writes asks each time. Whoever gets the answer leaves it as it is: others get the same.
    """
    learned: dict[Hashable, Any] | None = session.info.get(LEARNED)
    if learned is None:
        return ask()
    if key not in learned:
        learned[key] = ask()
    return cast("Answer", learned[key])
