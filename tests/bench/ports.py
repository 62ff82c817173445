"""Ports for the servers of a benchmark: one that is free, and the wait until somebody listens."""

import socket
import time


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def wait_until_open(port: int, seconds: float = 10) -> None:
    """SystemExit when nobody listens there in time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    raise SystemExit(f"Nobody listens on port {port}")
