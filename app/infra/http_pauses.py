"""Short pauses that a service's limits ask for: waited for inside a batch, which would otherwise end and begin anew.

Only a courtesy of this process: what holds for all workers is counted by the engine (docs/adr/0018-limits.md).
"""

import asyncio

from app.infra.clock import monotonic
from app.infra.http import HttpReply
from app.infra.http_outcomes import allowance_of

LONGEST_PAUSE = 2.0  # seconds; a longer one is the engine's, which has other things to do meanwhile
TOO_FAST = 429

_open_at: dict[str, float] = {}  # by account, when its limit lets the next request in


def note_pause(account: str, reply: HttpReply) -> None:
    """Remember when the limit of an account has room again, where its last answer says that it is used up.

    One that came too fast ends its batch, so nothing is to be waited for.
    """
    allowance = allowance_of(reply.headers) if reply.status != TOO_FAST else None
    if allowance is not None and allowance.is_used_up and allowance.reset.total_seconds() <= LONGEST_PAUSE:
        _open_at[account] = monotonic() + allowance.reset.total_seconds()


async def pause(account: str) -> None:
    """Wait until then; at once when nothing is to be waited for."""
    moment = _open_at.get(account) if _open_at else None
    if moment is not None:
        await asyncio.sleep(moment - monotonic())
        if _open_at.get(account) == moment:
            del _open_at[account]
