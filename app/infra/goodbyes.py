"""What is open in an event loop is closed with it: whoever keeps connections there says how, once.

So whoever ends a loop need not know, or load, every way to a delivery service.
"""

from collections.abc import Awaitable, Callable

_Goodbye = Callable[[], Awaitable[None]]
_goodbyes: list[_Goodbye] = []


def at_goodbye(close: _Goodbye) -> _Goodbye:
    """Let this be awaited in every loop that ends; as a decorator. It must be harmless in a loop that has nothing."""
    _goodbyes.append(close)
    return close


async def say_goodbye() -> None:
    """Close all that is kept open in the running loop. Await it before the loop ends."""
    for close in tuple(_goodbyes):
        await close()
