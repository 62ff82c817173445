"""Found by Python as it starts, when this folder is on PYTHONPATH: sleeping in a way that libfaketime leaves alone.

`time.sleep` waits until a moment of the monotonic clock, which libfaketime 0.9.10 gets wrong when it fakes the time of
day alone: the call fails. `select` waits for so long.
"""

import select
import time


def _sleep(seconds: float) -> None:
    select.select([], [], [], seconds)


time.sleep = _sleep
